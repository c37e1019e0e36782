//! Calls of gateway middleware: messages that lie as C has them are written straight into the guest. No values in between. What
//! comes back is read by verdict.rs.
//!
//! The types here are those of wit/smg-gateway and wit/bulkhead-gateway. That a function is of them is checked in C
//! before it is called (src/engine/message.c).

use crate::poll::{bhx_future, future};
use crate::value::mismatch;
use crate::verdict::{Verdict, bh_verdict};
use crate::wrap::*;
use std::mem::{MaybeUninit, size_of};
use wasmtime::Error;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext};
use wasmtime::component::{ComponentType, Func, Lower, TypedFunc};
use wasmtime_c_api::wasmtime_error_t;

/// Text of C's, which stays until the call is over.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
}
unsafe impl Send for Text {}
unsafe impl Sync for Text {}

unsafe impl ComponentType for Text {
    type Lower = <str as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <str as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<(), Error> {
        <str as ComponentType>::typecheck(ty, types)
    }
}

unsafe impl Lower for Text {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<(), Error> {
        unsafe { text(self.data, self.len) }?.linear_lower_to_flat(cx, ty, dst)
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> Result<(), Error> {
        unsafe { text(self.data, self.len) }?.linear_lower_to_memory(cx, ty, offset)
    }
}

#[repr(C)]
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub struct Header {
    pub(crate) name: Text,
    pub(crate) value: Text,
}

/// Bytes of C's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
}
unsafe impl Send for Bytes {}
unsafe impl Sync for Bytes {}

unsafe impl ComponentType for Bytes {
    type Lower = <[u8] as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <[u8] as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<(), Error> {
        <[u8] as ComponentType>::typecheck(ty, types)
    }
}

unsafe impl Lower for Bytes {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<(), Error> {
        unsafe { bytes(self.data, self.len) }.linear_lower_to_flat(cx, ty, dst)
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> Result<(), Error> {
        unsafe { bytes(self.data, self.len) }.linear_lower_to_memory(cx, ty, offset)
    }
}

#[repr(C)]
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub struct Entry {
    pub(crate) key: Text,
    pub(crate) value: Bytes,
}

/// `struct bh_message` of src/engine/message.h.
#[repr(C)]
pub struct bh_message {
    kind: u32,
    status: u16,
    phase: u8,
    now_epoch_ms: u64,
    method: Text,
    path: Text,
    query: Text,
    request_id: Text,
    message: Text,
    module: Text,
    headers: *const Header,
    header_count: usize,
    body: Bytes,
    context: *const Entry,
    context_count: usize,
}
const _: () = assert!(size_of::<bh_message>() == 16 + 6 * 16 + 16 + 16 + 16);

const SMG_REQUEST: u32 = 0;
const SMG_RESPONSE: u32 = 1;
const REQUEST: u32 = 2;
const RESPONSE: u32 = 3;
const FAILURE: u32 = 4;

unsafe fn slice<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, count) } }
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct SmgRequest<'a> {
    method: Text,
    path: Text,
    query: Text,
    headers: &'a [Header],
    body: Bytes,
    #[component(name = "request-id")]
    request_id: Text,
    #[component(name = "now-epoch-ms")]
    now_epoch_ms: u64,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct SmgResponse<'a> {
    status: u16,
    headers: &'a [Header],
    body: Bytes,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Request<'a> {
    method: Text,
    path: Text,
    query: Text,
    headers: &'a [Header],
    body: Bytes,
    #[component(name = "request-id")]
    request_id: Text,
    #[component(name = "now-epoch-ms")]
    now_epoch_ms: u64,
    context: &'a [Entry],
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Response<'a> {
    status: u16,
    headers: &'a [Header],
    body: Bytes,
    #[component(name = "request-id")]
    request_id: Text,
    context: &'a [Entry],
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
enum Phase {
    #[component(name = "request")]
    Request,
    #[component(name = "response")]
    Response,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Failure<'a> {
    status: u16,
    message: Text,
    phase: Phase,
    module: Text,
    #[component(name = "request-id")]
    request_id: Text,
    context: &'a [Entry],
}

impl bh_message {
    unsafe fn headers(&self) -> &[Header] {
        unsafe { slice(self.headers, self.header_count) }
    }

    unsafe fn context(&self) -> &[Entry] {
        unsafe { slice(self.context, self.context_count) }
    }

    unsafe fn smg_request(&self) -> SmgRequest<'_> {
        SmgRequest {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: unsafe { self.headers() },
            body: self.body,
            request_id: self.request_id,
            now_epoch_ms: self.now_epoch_ms,
        }
    }

    unsafe fn smg_response(&self) -> SmgResponse<'_> {
        SmgResponse { status: self.status, headers: unsafe { self.headers() }, body: self.body }
    }

    unsafe fn request(&self) -> Request<'_> {
        Request {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: unsafe { self.headers() },
            body: self.body,
            request_id: self.request_id,
            now_epoch_ms: self.now_epoch_ms,
            context: unsafe { self.context() },
        }
    }

    unsafe fn response(&self) -> Response<'_> {
        Response {
            status: self.status,
            headers: unsafe { self.headers() },
            body: self.body,
            request_id: self.request_id,
            context: unsafe { self.context() },
        }
    }

    unsafe fn failure(&self) -> Failure<'_> {
        Failure {
            status: self.status,
            message: self.message,
            phase: if self.phase == 0 { Phase::Request } else { Phase::Response },
            module: self.module,
            request_id: self.request_id,
            context: unsafe { self.context() },
        }
    }
}

/// The function was found to be of these types when it was prepared.
unsafe fn typed<P, const OUTCOME: bool>(func: &Func) -> TypedFunc<(P,), Verdict<OUTCOME>>
where
    P: ComponentType + Lower + Send + Sync,
{
    unsafe { TypedFunc::new_unchecked(*func) }
}

unsafe fn call<P, const OUTCOME: bool>(func: &Func, context: &mut Context<'_>, message: P) -> Result<bh_verdict, Error>
where
    P: ComponentType + Lower + Send + Sync,
{
    Ok(unsafe { typed::<P, OUTCOME>(func) }.call(context, (message,))?.0?.take())
}

/// On the caller's own stack; see bhx_call().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_message_call(
    func: &Func,
    mut context: Context<'_>,
    message: &bh_message,
    out: &mut bh_verdict,
) -> CError {
    guarded(|| {
        let (m, cx) = (message, &mut context);
        *out = unsafe {
            match m.kind {
                SMG_REQUEST => call::<_, false>(func, cx, m.smg_request()),
                SMG_RESPONSE => call::<_, false>(func, cx, m.smg_response()),
                REQUEST => call::<_, true>(func, cx, m.request()),
                RESPONSE => call::<_, true>(func, cx, m.response()),
                FAILURE => call::<_, true>(func, cx, m.failure()),
                _ => Err(mismatch()),
            }
        }?;
        Ok(())
    })
}

unsafe fn call_async<'a, P, const OUTCOME: bool>(
    func: &'a Func,
    mut context: Context<'a>,
    message: P,
    out: &'a mut bh_verdict,
    error_out: &'a mut *mut wasmtime_error_t,
) -> bhx_future
where
    P: ComponentType + Lower + Send + Sync + 'a,
{
    future(async move {
        let called = unsafe { typed::<P, OUTCOME>(func) }.call_async(&mut context, (message,)).await;
        match called.and_then(|verdict| verdict.0) {
            Ok(verdict) => *out = verdict.take(),
            Err(error) => *error_out = Box::into_raw(Box::new(wasmtime_error_t::from(error))),
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_message_call_async<'a>(
    func: &'a Func,
    context: Context<'a>,
    message: &'a bh_message,
    out: &'a mut bh_verdict,
    error_out: &'a mut *mut wasmtime_error_t,
) -> bhx_future {
    let m = message;
    unsafe {
        match m.kind {
            SMG_REQUEST => call_async::<_, false>(func, context, m.smg_request(), out, error_out),
            SMG_RESPONSE => call_async::<_, false>(func, context, m.smg_response(), out, error_out),
            REQUEST => call_async::<_, true>(func, context, m.request(), out, error_out),
            RESPONSE => call_async::<_, true>(func, context, m.response(), out, error_out),
            FAILURE => call_async::<_, true>(func, context, m.failure(), out, error_out),
            _ => future(async move { *error_out = Box::into_raw(Box::new(wasmtime_error_t::from(mismatch()))) }),
        }
    }
}
