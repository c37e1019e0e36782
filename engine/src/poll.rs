//! Polling a call's future with a real waker, inside a tokio context.

use crate::wrap::*;
use std::ffi::c_void;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use wasmtime::Error;

/// A future as C holds it: the two words of a boxed trait object. NULL data: none.
#[repr(C)]
pub struct bhx_future {
    data: *mut c_void,
    table: *const c_void,
}

type Inner<'a> = dyn Future<Output = ()> + 'a;
const _: () = assert!(size_of::<bhx_future>() == size_of::<*mut Inner<'static>>());

pub fn future<'a>(body: impl Future<Output = ()> + 'a) -> bhx_future {
    let boxed: *mut Inner<'a> = Box::into_raw(Box::new(body));
    unsafe { std::mem::transmute(boxed) }
}

impl bhx_future {
    /// Boxed, so it stays where it is.
    unsafe fn pinned<'a>(&mut self) -> Pin<&mut Inner<'a>> {
        unsafe {
            let inner: *mut Inner<'a> = std::mem::transmute_copy(self);
            Pin::new_unchecked(&mut *inner)
        }
    }
}

/// What C gives to be woken through: reference-counted, usable from any thread.
#[repr(C)]
pub struct bhx_waker {
    retain: extern "C" fn(*const bhx_waker),
    release: extern "C" fn(*const bhx_waker),
    wake: extern "C" fn(*const bhx_waker),
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

unsafe fn clone(data: *const ()) -> RawWaker {
    let waker = data.cast::<bhx_waker>();
    unsafe { ((*waker).retain)(waker) };
    RawWaker::new(data, &VTABLE)
}

unsafe fn wake_by_ref(data: *const ()) {
    let waker = data.cast::<bhx_waker>();
    unsafe { ((*waker).wake)(waker) };
}

unsafe fn drop_waker(data: *const ()) {
    let waker = data.cast::<bhx_waker>();
    unsafe { ((*waker).release)(waker) };
}

unsafe fn wake(data: *const ()) {
    unsafe {
        wake_by_ref(data);
        drop_waker(data);
    }
}

/// The threads behind WASI: one that drives timers and sockets, from the first time that a guest waits; and those
/// that blocking file operations need.
pub struct bhx_runtime {
    runtime: Arc<Runtime>,
    driver: Mutex<Option<Driver>>,
}

struct Driver {
    stop: Arc<Notify>,
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_runtime_new(blocking: usize, out: &mut *mut bhx_runtime) -> CError {
    guarded(|| {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(blocking.max(1))
            .thread_name("bulkhead-io")
            .on_thread_start(block_signals)
            .enable_all()
            .build()
            .map_err(Error::from)?;
        let runtime = bhx_runtime { runtime: Arc::new(runtime), driver: Mutex::new(None) };
        *out = Box::into_raw(Box::new(runtime));
        Ok(())
    })
}

impl bhx_runtime {
    /// A program that never waits, and most do not, spares itself the thread.
    fn drive(&self) -> Result<(), Error> {
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        if driver.is_some() {
            return Ok(());
        }
        let stop = Arc::new(Notify::new());
        let (runtime, stopped) = (self.runtime.clone(), stop.clone());
        std::thread::Builder::new().name("bulkhead-io".into()).spawn(move || {
            block_signals();
            runtime.block_on(stopped.notified());
            if let Some(runtime) = Arc::into_inner(runtime) {
                runtime.shutdown_background();
            }
        })?;
        *driver = Some(Driver { stop });
        Ok(())
    }
}

/// Threads of ours take none of the program's signals.
fn block_signals() {
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&mut all);
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
            libc::sigdelset(&mut all, fault);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, std::ptr::null_mut());
    }
}

/// Gives the threads up without waiting for blocking operations that are still under way.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_runtime_free(runtime: Option<Box<bhx_runtime>>) {
    let Some(runtime) = runtime else { return };
    let _ = guard(|| {
        let bhx_runtime { runtime, driver } = *runtime;
        if let Some(driver) = driver.into_inner().unwrap_or_else(PoisonError::into_inner) {
            driver.stop.notify_one();
        }
        // Otherwise the thread lets go of it.
        if let Some(runtime) = Arc::into_inner(runtime) {
            runtime.shutdown_background();
        }
        Ok(())
    });
}

pub const PENDING: i32 = 0;
pub const READY: i32 = 1;
pub const PANICKED: i32 = -1;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_future_poll(
    future: &mut bhx_future,
    runtime: Option<&bhx_runtime>,
    waker: *const bhx_waker,
) -> i32 {
    let inner = unsafe { future.pinned() };
    // Borrowed: cloned, and so retained, only by who keeps it.
    let waker = ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(waker.cast(), &VTABLE)) });
    let polled = guard(|| {
        let _context = runtime.map(|runtime| runtime.runtime.enter());
        Ok(inner.poll(&mut Context::from_waker(&waker)))
    });
    // What it waits for is only seen by a thread that looks.
    if let (Ok(Poll::Pending), Some(runtime)) = (&polled, runtime)
        && guard(|| runtime.drive()).is_err()
    {
        return PANICKED;
    }
    match polled {
        Ok(Poll::Pending) => PENDING,
        Ok(Poll::Ready(())) => READY,
        Err(_) => PANICKED,
    }
}

/// Drops a future, finished or not, inside the context its parts may need.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_future_delete(future: bhx_future, runtime: Option<&bhx_runtime>) {
    if future.data.is_null() {
        return;
    }
    let _ = guard(|| {
        let _context = runtime.map(|runtime| runtime.runtime.enter());
        drop(unsafe { Box::from_raw(std::mem::transmute::<bhx_future, *mut Inner<'_>>(future)) });
        Ok(())
    });
}
