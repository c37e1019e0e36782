//! WASI on our terms: what a store's context is built from, and the calls whose stock version could hurt a
//! host: opening special files, unbounded input and output, names and addresses nobody granted.

mod files;
mod link;
mod network;
mod streams;

pub use link::link;

use crate::error::Raised;
use crate::stream::{Stream, bhx_stream};
use crate::wrap::*;
use network::{Gate, Network, bhx_network, check};
use std::sync::Arc;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{AsContextMut, Error};
use wasmtime_c_api::{wasi_config_t, wasmtime_context_set_wasi, wasmtime_context_set_wasi_http};
use wasmtime_wasi::WasiView;

/// Bounds, and the code of the error that reaching one raises. C decides both.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bhx_wasi_limits {
    table: u32,
    open_files: u32,
    io_bytes: u64,
    random_bytes: u64,
    raise_open_files: u32,
    raise_io_bytes: u32,
}

/// What we keep beside a store's WASI context, as the first entry of its table.
pub struct State {
    limits: bhx_wasi_limits,
    used: u64,
    network: Option<Arc<Network>>,
}

impl State {
    fn key() -> Resource<State> {
        Resource::new_own(0)
    }

    fn of(table: &mut ResourceTable) -> Result<&mut State, Error> {
        Ok(table.get_mut(&State::key())?)
    }

    /// Counts bytes that went through a stream or file; over the limit they raise an error.
    fn count(table: &mut ResourceTable, bytes: usize) -> Result<(), Error> {
        let state = State::of(table)?;
        state.used = state.used.saturating_add(bytes as u64);
        if state.used > state.limits.io_bytes {
            return Err(Error::from(Raised(state.limits.raise_io_bytes)));
        }
        Ok(())
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_wasi_stdin(config: &mut wasi_config_t, stream: &bhx_stream) {
    wasi_config_mut(config).stdin(Stream::new(stream));
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_wasi_stdout(config: &mut wasi_config_t, stream: &bhx_stream) {
    wasi_config_mut(config).stdout(Stream::new(stream));
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_wasi_stderr(config: &mut wasi_config_t, stream: &bhx_stream) {
    wasi_config_mut(config).stderr(Stream::new(stream));
}

/// Gives a store its WASI context. `network` is released when the store goes; NULL grants nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_store_set_wasi(
    mut context: Context<'_>,
    mut config: Box<wasi_config_t>,
    limits: &bhx_wasi_limits,
    network: Option<&bhx_network>,
) -> CError {
    guarded(|| {
        let builder = wasi_config_mut(&mut config);
        builder.max_random_size(limits.random_bytes);
        let network = network.map(|network| Arc::new(Network(*network)));
        if let Some(network) = &network {
            builder.allow_tcp(network.0.tcp).allow_udp(network.0.udp).allow_ip_name_lookup(network.0.names);
            let network = network.clone();
            builder.socket_addr_check(move |address, usage| check(network.clone(), address, usage));
        } else {
            builder.allow_tcp(false).allow_udp(false);
        }
        if let Some(error) = wasmtime_context_set_wasi(context.as_context_mut(), config) {
            return Err((*error).into());
        }
        wasmtime_context_set_wasi_http(context.as_context_mut());
        let table = context.data_mut().ctx().table;
        table.set_max_capacity(limits.table as usize);
        let gate = Gate(network.clone());
        let state = table.push(State { limits: *limits, used: 0, network })?;
        debug_assert_eq!(state.rep(), State::key().rep());
        let gate = table.push(Box::new(gate))?;
        debug_assert_eq!(gate.rep(), Gate::key().rep());
        Ok(())
    })
}

/// Counts bytes that a host function of C's moved for the guest, as if they had gone through a stream.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_store_io_count(mut context: Context<'_>, bytes: u64) {
    let _ = guard(|| {
        let state = State::of(context.data_mut().ctx().table)?;
        state.used = state.used.saturating_add(bytes);
        Ok(())
    });
}

/// Bytes that went through streams and files since the last reset.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_store_io_bytes(mut context: Context<'_>, reset: bool) -> u64 {
    guard(|| {
        let state = State::of(context.data_mut().ctx().table)?;
        let used = state.used;
        if reset {
            state.used = 0;
        }
        Ok(used)
    })
    .unwrap_or(0)
}
