//! Files: opening them without waiting or touching anything special, and counting what goes through them.

use super::State;
use crate::error::Raised;
use crate::wrap::*;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use std::os::fd::OwnedFd;
use wasmtime::Error;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, Dir, File, OpenMode, WasiFilesystemCtxView as FsView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self as fs, DescriptorFlags, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::{WasiView, runtime};

pub fn link_files(linker: &mut Linker<Data>) -> Result<(), Error> {
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
