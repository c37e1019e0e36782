//! WASI on our terms: what a store's context is built from, and the calls whose stock version could hurt a
//! host: opening special files, unbounded input and output, names and addresses nobody granted.

use crate::error::Raised;
use crate::stream::{Stream, bhx_stream};
use crate::wrap::*;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use std::ffi::c_void;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime::{AsContextMut, Error};
use wasmtime_c_api::{wasi_config_t, wasmtime_context_set_wasi, wasmtime_context_set_wasi_http};
use wasmtime_wasi::filesystem::{Descriptor, Dir, File, OpenMode};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self as fs, DescriptorFlags, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{self, Host as _};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode as SocketCode, Host as _};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{WasiView, runtime};
use wasmtime_wasi_http::{RequestOptions, WasiHttp, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};
use wasmtime_wasi_io::bindings::wasi::io::streams as io;

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
    tcp: bool,
    udp: bool,
    names: bool,
    data: *mut c_void,
}

struct Network(bhx_network);
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

type Answer = std::pin::Pin<Box<dyn Future<Output = bool> + Send + Sync>>;

/// Granted names are resolved when they are checked, which blocks: not on the thread that polls guests.
fn check(network: Arc<Network>, address: SocketAddr, usage: SocketAddrUse) -> Answer {
    if !network.0.blocks {
        let allowed = network.allows(address, usage);
        return Box::pin(async move { allowed });
    }
    let asked = runtime::spawn_blocking(move || network.allows(address, usage));
    Box::pin(async move { asked.await })
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

/* Files. */

fn link_files(linker: &mut Linker<Data>) -> Result<(), Error> {
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    types.func_wrap_async(
        "[method]descriptor.open-at",
        |mut context, (dir, path_flags, path, open, flags): (_, PathFlags, String, OpenFlags, DescriptorFlags)| {
            Box::new(async move {
                let table = context.data_mut().ctx().table;
                let opened = open_at(table, dir, path_flags, path, open, flags).await?;
                Ok((opened,))
            })
        },
    )?;
    types.func_wrap_async("[method]descriptor.read", |mut context, (file, len, offset): (_, u64, u64)| {
        Box::new(async move {
            let mut view = wasmtime_wasi::filesystem::WasiFilesystemView::filesystem(context.data_mut());
            let read = HostDescriptor::read(&mut view_of(&mut view), file, len, offset).await;
            let read = settle(&mut view, read)?;
            if let Ok((bytes, _)) = &read {
                State::count(view.table, bytes.len())?;
            }
            Ok((read,))
        })
    })?;
    types.func_wrap_async("[method]descriptor.write", |mut context, (file, bytes, offset): (_, Vec<u8>, u64)| {
        Box::new(async move {
            let mut view = wasmtime_wasi::filesystem::WasiFilesystemView::filesystem(context.data_mut());
            State::count(view.table, bytes.len())?;
            let wrote = HostDescriptor::write(&mut view_of(&mut view), file, bytes, offset).await;
            let wrote = settle(&mut view, wrote)?;
            Ok((wrote,))
        })
    })?;
    Ok(())
}

use wasmtime_wasi::filesystem::WasiFilesystemCtxView as FsView;

fn view_of<'a>(view: &'a mut FsView<'_>) -> FsView<'a> {
    FsView { ctx: view.ctx, table: view.table }
}

/// An error that the guest gets as a value, or one that ends it.
fn settle<T>(
    view: &mut FsView<'_>,
    result: Result<T, wasmtime_wasi::p2::FsError>,
) -> Result<Result<T, ErrorCode>, Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(fs::Host::convert_error_code(view, error)?)),
    }
}

/// Opens as the stock version does, but only plain files and folders, and never waiting: the open of a FIFO
/// pins a thread for ever, that of a device can do anything.
async fn open_at(
    table: &mut ResourceTable,
    dir: Resource<Descriptor>,
    path_flags: PathFlags,
    path: String,
    open: OpenFlags,
    flags: DescriptorFlags,
) -> Result<Result<Resource<Descriptor>, ErrorCode>, Error> {
    let limits = State::of(table)?.limits;
    let open_files = table.iter_mut().filter(|entry| entry.is::<Descriptor>()).count();
    if open_files >= limits.open_files as usize {
        return Err(Error::from(Raised(limits.raise_open_files)));
    }
    let dir = match table.get(&dir)? {
        Descriptor::Dir(dir) => dir.clone(),
        Descriptor::File(_) => return Ok(Err(ErrorCode::NotDirectory)),
    };
    let wanted = match Wanted::new(&dir, path_flags, open, flags) {
        Ok(wanted) => wanted,
        Err(code) => return Ok(Err(code)),
    };
    let root = dir.dir.clone();
    let opened = runtime::spawn_blocking(move || wanted.open(&root, &path)).await;
    let (file, is_dir, mode) = match opened {
        Ok(opened) => opened,
        Err(code) => return Ok(Err(code)),
    };
    let file = std::fs::File::from(file);
    let descriptor = if is_dir {
        Descriptor::Dir(Dir::new(file, dir.perms, mode, false))
    } else {
        Descriptor::File(File::new(file, dir.perms, mode, false))
    };
    Ok(Ok(table.push(descriptor)?))
}

struct Wanted {
    flags: OFlags,
    mode: OpenMode,
    directory: bool,
}

impl Wanted {
    fn new(dir: &Dir, path: PathFlags, open: OpenFlags, flags: DescriptorFlags) -> Result<Wanted, ErrorCode> {
        let synced = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if flags.intersects(synced) {
            return Err(ErrorCode::Unsupported);
        }
        let directory = open.contains(OpenFlags::DIRECTORY);
        let creating = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
        if directory && open.intersects(creating) {
            return Err(ErrorCode::Invalid);
        }
        let writes = flags.contains(DescriptorFlags::WRITE) || open.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE);
        if writes && dir.perms.write_not_permitted() {
            return Err(ErrorCode::NotPermitted);
        }
        // Without write access files are opened for reading, as the stock version does.
        let reads = flags.contains(DescriptorFlags::READ) || !flags.contains(DescriptorFlags::WRITE);
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::READ, reads);
        mode.set(OpenMode::WRITE, writes);
        let access = match (reads, writes) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        let mut o = access | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        o.set(OFlags::CREATE, open.contains(OpenFlags::CREATE));
        o.set(OFlags::EXCL, open.contains(OpenFlags::EXCLUSIVE) && open.contains(OpenFlags::CREATE));
        o.set(OFlags::TRUNC, open.contains(OpenFlags::TRUNCATE));
        o.set(OFlags::DIRECTORY, directory);
        o.set(OFlags::NOFOLLOW, !path.contains(PathFlags::SYMLINK_FOLLOW));
        Ok(Wanted { flags: o, mode, directory })
    }

    /// Looks first without opening: opening a device can have effects. A FIFO that takes the file's place in
    /// between is opened without waiting, and found out afterwards.
    fn open(&self, root: &std::fs::File, path: &str) -> Result<(OwnedFd, bool, OpenMode), ErrorCode> {
        let looked = OFlags::PATH | OFlags::CLOEXEC | (self.flags & OFlags::NOFOLLOW);
        if let Ok(found) = self.openat2(root, path, looked) {
            plain(&found)?;
        }
        let file = self.openat2(root, path, self.flags)?;
        let kind = plain(&file)?;
        Ok((file, kind == FileType::Directory, self.mode))
    }

    fn openat2(&self, root: &std::fs::File, path: &str, flags: OFlags) -> Result<OwnedFd, ErrorCode> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(0o666) } else { Mode::empty() };
        loop {
            match rustix::fs::openat2(root, path, flags, mode, resolve) {
                Ok(file) => return Ok(file),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                // Leaving the folder is what the stock version calls not permitted.
                Err(rustix::io::Errno::XDEV) => return Err(ErrorCode::NotPermitted),
                Err(rustix::io::Errno::NXIO) => return Err(ErrorCode::NotPermitted),
                Err(rustix::io::Errno::NOTDIR) if self.directory => return Err(ErrorCode::NotDirectory),
                Err(errno) => return Err(std::io::Error::from(errno).into()),
            }
        }
    }
}

fn plain(file: &OwnedFd) -> Result<FileType, ErrorCode> {
    let stat = rustix::fs::fstat(file).map_err(|errno| ErrorCode::from(std::io::Error::from(errno)))?;
    match FileType::from_raw_mode(stat.st_mode) {
        kind @ (FileType::RegularFile | FileType::Directory | FileType::Symlink) => Ok(kind),
        _ => Err(ErrorCode::NotPermitted),
    }
}

/* Names. */

fn link_names(linker: &mut Linker<Data>) -> Result<(), Error> {
    linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?.func_wrap(
        "resolve-addresses",
        |mut context, (network, name): (Resource<wasmtime_wasi::p2::Network>, String)| {
            let mut view = wasmtime_wasi::sockets::WasiSocketsView::sockets(context.data_mut());
            let granted = State::of(view.table)?.network.clone();
            if !granted.is_some_and(|n| (n.0.name)(n.0.data, name.as_ptr(), name.len())) {
                return Ok((Err(SocketCode::AccessDenied),));
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

/* Streams. */

/// The stock streams, counted.
struct Counted;
struct CountedTable<'a>(&'a mut ResourceTable);

impl HasData for Counted {
    type Data<'a> = CountedTable<'a>;
}

impl CountedTable<'_> {
    fn count(&mut self, bytes: usize) -> StreamResult<()> {
        State::count(self.0, bytes).map_err(StreamError::Trap)
    }
}

impl io::Host for CountedTable<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<io::StreamError, Error> {
        self.0.convert_stream_error(error)
    }
}

impl io::HostInputStream for CountedTable<'_> {
    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        let bytes = io::HostInputStream::read(self.0, stream, len)?;
        self.count(bytes.len())?;
        Ok(bytes)
    }

    async fn blocking_read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        let bytes = io::HostInputStream::blocking_read(self.0, stream, len).await?;
        self.count(bytes.len())?;
        Ok(bytes)
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        let skipped = io::HostInputStream::skip(self.0, stream, len)?;
        self.count(skipped as usize)?;
        Ok(skipped)
    }

    async fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        let skipped = io::HostInputStream::blocking_skip(self.0, stream, len).await?;
        self.count(skipped as usize)?;
        Ok(skipped)
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>, Error> {
        io::HostInputStream::subscribe(self.0, stream)
    }

    async fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<(), Error> {
        io::HostInputStream::drop(self.0, stream).await
    }
}

impl io::HostOutputStream for CountedTable<'_> {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        io::HostOutputStream::check_write(self.0, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.count(bytes.len())?;
        io::HostOutputStream::write(self.0, stream, bytes)
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.count(bytes.len())?;
        io::HostOutputStream::blocking_write_and_flush(self.0, stream, bytes).await
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        io::HostOutputStream::flush(self.0, stream)
    }

    async fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        io::HostOutputStream::blocking_flush(self.0, stream).await
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        self.count(len as usize)?;
        io::HostOutputStream::write_zeroes(self.0, stream, len)
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        self.count(len as usize)?;
        io::HostOutputStream::blocking_write_zeroes_and_flush(self.0, stream, len).await
    }

    fn splice(&mut self, to: Resource<DynOutputStream>, from: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        let moved = io::HostOutputStream::splice(self.0, to, from, len)?;
        self.count(moved as usize)?;
        Ok(moved)
    }

    async fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let moved = io::HostOutputStream::blocking_splice(self.0, to, from, len).await?;
        self.count(moved as usize)?;
        Ok(moved)
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>, Error> {
        io::HostOutputStream::subscribe(self.0, stream)
    }

    async fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<(), Error> {
        io::HostOutputStream::drop(self.0, stream).await
    }
}

/* HTTP. */

/// Requests that were granted go out; all others are denied.
struct Gate(Option<Arc<Network>>);

impl Gate {
    fn key() -> Resource<Box<Gate>> {
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
fn http_view(data: &mut Data) -> WasiHttpCtxView<'_> {
    let view = data.http();
    let hooks: &mut dyn WasiHttpHooks = match view.table.get_mut(&Gate::key()) {
        Ok(gate) => unsafe { &mut *(&mut **gate as *mut Gate) },
        Err(_) => Box::leak(Box::new(Closed)),
    };
    WasiHttpCtxView { ctx: view.ctx, table: view.table, hooks }
}
