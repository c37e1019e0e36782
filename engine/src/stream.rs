//! Standard streams that C implements: never blocking, waited for through a descriptor.

use async_trait::async_trait;
use bytes::Bytes;
use std::ffi::c_void;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// Most that one read hands to the guest.
const READ_MAX: usize = 64 * 1024;

/// How long a stream rests that is not ready and cannot be watched.
const REST: Duration = Duration::from_millis(10);

/// A stream as C gives it. Calls never block, and come from one thread at a time for one instance.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bhx_stream {
    /// Input: bytes read; 0: nothing there yet; -1: at the end.
    read: Option<extern "C" fn(*mut c_void, *mut u8, usize) -> isize>,
    /// Output: how many bytes `write` takes now; 0: none yet; -1: closed.
    permit: Option<extern "C" fn(*mut c_void) -> isize>,
    /// Output: takes up to what was permitted; 0, or -1: closed.
    write: Option<extern "C" fn(*mut c_void, *const u8, usize) -> isize>,
    /// Whether `read` or `permit` would get anywhere now.
    ready: extern "C" fn(*mut c_void) -> bool,
    release: extern "C" fn(*mut c_void),
    /// Becomes readable (input) or writable (output) when it is worth asking again; -1 if always ready.
    fd: i32,
    terminal: bool,
    data: *mut c_void,
}

struct Owner(bhx_stream);
unsafe impl Send for Owner {}
unsafe impl Sync for Owner {}

impl Drop for Owner {
    fn drop(&mut self) {
        (self.0.release)(self.0.data);
    }
}

#[derive(Clone)]
pub struct Stream(Arc<Owner>);

impl Stream {
    pub fn new(stream: &bhx_stream) -> Stream {
        Stream(Arc::new(Owner(*stream)))
    }

    fn ops(&self) -> (&bhx_stream, *mut c_void) {
        (&self.0.0, self.0.0.data)
    }

    fn is_ready(&self) -> bool {
        let (ops, data) = self.ops();
        (ops.ready)(data)
    }
}

/// One end of a stream as a guest holds it, with its registration once it had to wait.
struct End {
    stream: Stream,
    interest: Interest,
    watch: Option<AsyncFd<OwnedFd>>,
}

impl End {
    fn new(stream: Stream, interest: Interest) -> End {
        End { stream, interest, watch: None }
    }

    /// Registered under a number of its own: the same descriptor may be waited for by many instances.
    fn watch(&mut self) -> std::io::Result<&AsyncFd<OwnedFd>> {
        if self.watch.is_none() {
            let fd = unsafe { BorrowedFd::borrow_raw(self.stream.0.0.fd) }.try_clone_to_owned()?;
            // Sound: the descriptor is ours alone, and goes with the registration.
            self.watch = Some(unsafe { AsyncFd::register_with_interest(fd, self.interest) }?);
        }
        Ok(self.watch.as_ref().expect("made above"))
    }

    async fn wait(&mut self) {
        // The C stream is asked through a copy of the handle, because `watch` borrows self.
        let stream = self.stream.clone();
        if stream.0.0.fd < 0 || stream.is_ready() {
            return;
        }
        let interest = self.interest;
        // A plain file cannot be watched, but it is ready. What neither can be nor is, such as an epoll descriptor of ours
        // that got the number of a closed standard stream, is asked again, and not busily.
        let Ok(watch) = self.watch() else {
            tokio::time::sleep(REST).await;
            return;
        };
        loop {
            let Ok(mut event) = watch.ready(interest).await else { return };
            if stream.is_ready() {
                return;
            }
            event.clear_ready();
        }
    }
}

struct Input(End);
struct Output(End);

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        self.0.wait().await;
    }
}

#[async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let (ops, data) = self.0.stream.ops();
        let Some(read) = ops.read else { return Err(StreamError::Closed) };
        if size == 0 {
            return Ok(Bytes::new());
        }
        let mut buffer = vec![0; size.min(READ_MAX)];
        match read(data, buffer.as_mut_ptr(), buffer.len()) {
            got @ 0.. => {
                buffer.truncate(got as usize);
                Ok(buffer.into())
            }
            _ => Err(StreamError::Closed),
        }
    }

    /// Another reader of the same pipe may be quicker any number of times: that is no reason to give up.
    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        loop {
            self.ready().await;
            let data = self.read(size)?;
            if !data.is_empty() || size == 0 {
                return Ok(data);
            }
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        self.0.wait().await;
    }
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let (ops, data) = self.0.stream.ops();
        match ops.write.map_or(-1, |write| write(data, bytes.as_ptr(), bytes.len())) {
            0 => Ok(()),
            _ => Err(StreamError::Closed),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let (ops, data) = self.0.stream.ops();
        match ops.permit.map_or(-1, |permit| permit(data)) {
            room @ 0.. => Ok(room as usize),
            _ => Err(StreamError::Closed),
        }
    }

    async fn write_ready(&mut self) -> StreamResult<usize> {
        loop {
            self.ready().await;
            let room = self.check_write()?;
            if room > 0 {
                return Ok(room);
            }
            tokio::task::yield_now().await;
        }
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        self.0.0.terminal
    }
}

impl StdinStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(Input(End::new(self.clone(), Interest::READABLE)))
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Output(End::new(self.clone(), Interest::WRITABLE)))
    }
}
