//! What a guest reaches over the network: C says which addresses, names and requests were granted.

use super::State;
use crate::wrap::*;
use std::ffi::c_void;
use std::net::SocketAddr;
use std::sync::Arc;
use wasmtime::Error;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{self, Host as _};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, Host as _};
use wasmtime_wasi::runtime;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi_http::{RequestOptions, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

/// What a guest may reach over the network: C answers, and may block when `blocks` says so.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bhx_network {
    /// Whether this use of this address is granted. Address in text form.
    address: extern "C" fn(*mut c_void, *const u8, usize, u16, u32) -> bool,
    /// Whether the name may be resolved.
    name: extern "C" fn(*mut c_void, *const u8, usize) -> bool,
    /// Whether an HTTP request to this host and port may be sent.
    http: extern "C" fn(*mut c_void, *const u8, usize, u16) -> bool,
    release: extern "C" fn(*mut c_void),
    blocks: bool,
    pub tcp: bool,
    pub udp: bool,
    pub names: bool,
    data: *mut c_void,
}

pub struct Network(pub bhx_network);
unsafe impl Send for Network {}
unsafe impl Sync for Network {}

impl Drop for Network {
    fn drop(&mut self) {
        (self.0.release)(self.0.data);
    }
}

impl Network {
    fn allows(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        let text = address.ip().to_string();
        // Listening was granted before anybody could come in: who comes is not for the guest to choose.
        if matches!(usage, SocketAddrUse::TcpAccept) {
            return true;
        }
        let usage = match usage {
            SocketAddrUse::TcpConnect => 0,
            SocketAddrUse::TcpBind | SocketAddrUse::TcpListen => 1,
            SocketAddrUse::UdpBind => 3,
            SocketAddrUse::UdpReceive => 4,
            _ => 2,
        };
        (self.0.address)(self.0.data, text.as_ptr(), text.len(), address.port(), usage)
    }
}

type Answer = std::pin::Pin<Box<dyn Future<Output = bool> + Send + Sync>>;

/// Granted names are resolved when they are checked, which blocks: not on the thread that polls guests.
pub fn check(network: Arc<Network>, address: SocketAddr, usage: SocketAddrUse) -> Answer {
    if !network.0.blocks {
        let allowed = network.allows(address, usage);
        return Box::pin(async move { allowed });
    }
    let asked = runtime::spawn_blocking(move || network.allows(address, usage));
    Box::pin(async move { asked.await })
}

/* Names. */

pub fn link_names(linker: &mut Linker<Data>) -> Result<(), Error> {
    linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?.func_wrap(
        "resolve-addresses",
        |mut context, (network, name): (Resource<wasmtime_wasi::p2::Network>, String)| {
            let mut view = wasmtime_wasi::sockets::WasiSocketsView::sockets(context.data_mut());
            let granted = State::of(view.table)?.network.clone();
            if !granted.is_some_and(|n| (n.0.name)(n.0.data, name.as_ptr(), name.len())) {
                return Ok((Err(ErrorCode::AccessDenied),));
            }
            let resolved: Result<Resource<ip_name_lookup::ResolveAddressStream>, _> =
                view.resolve_addresses(network, name);
            match resolved {
                Ok(stream) => Ok((Ok(stream),)),
                Err(error) => Ok((Err(view.convert_error_code(error)?),)),
            }
        },
    )
}

/* HTTP. */

/// Requests that were granted go out; all others are denied.
pub struct Gate(pub Option<Arc<Network>>);

impl Gate {
    pub fn key() -> Resource<Box<Gate>> {
        Resource::new_own(1)
    }
}

type Request = http::Request<wasmtime_wasi_http::WasiBody>;

type HttpError = wasmtime_wasi_http::Error;
type Done = Box<dyn Future<Output = Result<(), HttpError>> + Send>;
type Sent = Result<(http::Response<wasmtime_wasi_http::WasiBody>, Done), HttpError>;

impl WasiHttpHooks for Gate {
    fn send_request(
        &mut self,
        request: Request,
        options: Option<RequestOptions>,
        _processed: Done,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let network = self.0.clone();
        Box::new(async move {
            let uri = request.uri();
            let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
            let host = uri.host().unwrap_or_default();
            if !network.is_some_and(|n| (n.0.http)(n.0.data, host.as_ptr(), host.len(), port)) {
                return Err(HttpError::HttpRequestDenied);
            }
            use http_body_util::BodyExt;
            let (response, body) = wasmtime_wasi_http::default_send_request(request, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(body) as Done))
        })
    }
}

/// Denies everything; of size zero, so that lending one out for ever costs nothing.
struct Closed;

impl WasiHttpHooks for Closed {
    fn send_request(
        &mut self,
        _request: Request,
        _options: Option<RequestOptions>,
        _processed: Done,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(HttpError::HttpRequestDenied) })
    }
}

/// The gate is lent out beside the table that owns it: it is boxed, never replaced, and no guest can name it.
pub fn http_view(data: &mut Data) -> WasiHttpCtxView<'_> {
    let view = data.http();
    let hooks: &mut dyn WasiHttpHooks = match view.table.get_mut(&Gate::key()) {
        Ok(gate) => unsafe { &mut *(&mut **gate as *mut Gate) },
        Err(_) => Box::leak(Box::new(Closed)),
    };
    WasiHttpCtxView { ctx: view.ctx, table: view.table, hooks }
}
