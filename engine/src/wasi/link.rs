//! Linking the packages of WASI.

use super::files::link_files;
use super::network::{http_view, link_names};
use super::streams::{Counted, CountedTable};
use crate::wrap::*;
use wasmtime::Error;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::WasiView;
use wasmtime_wasi_http::WasiHttp;
use wasmtime_wasi_io::bindings::wasi::io::streams as io;

/// The packages of WASI, numbered as in bhx.h.
const PACKAGES: [fn(&mut Linker<Data>) -> Result<(), Error>; 8] =
    [link_io, link_clocks, link_random, link_cli, link_filesystem, link_sockets, link_http, crate::module::link_exit];

/// Links one package: the stock implementation, with our versions of some calls in place. Making all of them takes
/// longer than the rest of a program's start.
pub fn link(linker: &mut Linker<Data>, package: u32) -> Result<(), Error> {
    let link = PACKAGES.get(package as usize).ok_or_else(|| Error::msg("no such package of WASI"))?;
    linker.allow_shadowing(true);
    let linked = link(linker);
    linker.allow_shadowing(false);
    linked
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

fn link_io(l: &mut Linker<Data>) -> Result<(), Error> {
    use wasmtime_wasi_io::bindings::wasi::io::{error, poll};
    error::add_to_linker::<Data, Table>(l, |data| data.ctx().table)?;
    poll::add_to_linker::<Data, Table>(l, |data| data.ctx().table)?;
    io::add_to_linker::<Data, Counted>(l, |data| CountedTable(data.ctx().table))
}

fn link_clocks(l: &mut Linker<Data>) -> Result<(), Error> {
    use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
    use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
    wall_clock::add_to_linker::<Data, WasiClocks>(l, Data::clocks)?;
    monotonic_clock::add_to_linker::<Data, WasiClocks>(l, Data::clocks)
}

fn link_random(l: &mut Linker<Data>) -> Result<(), Error> {
    use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
    use wasmtime_wasi::random::WasiRandom;
    random::add_to_linker::<Data, WasiRandom>(l, |data| data.ctx().ctx.random())?;
    insecure::add_to_linker::<Data, WasiRandom>(l, |data| data.ctx().ctx.random())?;
    insecure_seed::add_to_linker::<Data, WasiRandom>(l, |data| data.ctx().ctx.random())
}

fn link_cli(l: &mut Linker<Data>) -> Result<(), Error> {
    use wasmtime_wasi::cli::{WasiCli, WasiCliView};
    use wasmtime_wasi::p2::bindings::cli::*;
    exit::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    environment::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    stdin::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    stdout::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    stderr::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    terminal_input::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    terminal_output::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    terminal_stdin::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    terminal_stdout::add_to_linker::<Data, WasiCli>(l, Data::cli)?;
    terminal_stderr::add_to_linker::<Data, WasiCli>(l, Data::cli)
}

fn link_filesystem(l: &mut Linker<Data>) -> Result<(), Error> {
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
    use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
    preopens::add_to_linker::<Data, WasiFilesystem>(l, Data::filesystem)?;
    types::add_to_linker::<Data, WasiFilesystem>(l, Data::filesystem)?;
    link_files(l)
}

fn link_sockets(l: &mut Linker<Data>) -> Result<(), Error> {
    use wasmtime_wasi::p2::bindings::sockets::*;
    use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
    tcp::add_to_linker::<Data, WasiSockets>(l, Data::sockets)?;
    udp::add_to_linker::<Data, WasiSockets>(l, Data::sockets)?;
    udp_create_socket::add_to_linker::<Data, WasiSockets>(l, Data::sockets)?;
    tcp_create_socket::add_to_linker::<Data, WasiSockets>(l, Data::sockets)?;
    instance_network::add_to_linker::<Data, WasiSockets>(l, Data::sockets)?;
    network::add_to_linker::<Data, WasiSockets>(l, &network::LinkOptions::default(), Data::sockets)?;
    ip_name_lookup::add_to_linker::<Data, WasiSockets>(l, Data::sockets)?;
    link_names(l)
}

fn link_http(l: &mut Linker<Data>) -> Result<(), Error> {
    use wasmtime_wasi_http::p2::bindings::http;
    http::outgoing_handler::add_to_linker::<Data, WasiHttp>(l, http_view)?;
    http::types::add_to_linker::<Data, WasiHttp>(l, &Default::default(), http_view)
}
