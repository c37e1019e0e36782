//! Calls: one way for all signatures, on the caller's stack or as a future.

use crate::lift::Out;
use crate::lower::Args;
use crate::poll::{bhx_future, future};
use crate::value::bhx_value;
use crate::wrap::*;
use wasmtime::component::{Func, TypedFunc};
use wasmtime_c_api::wasmtime_error_t;

/// The arguments as C has them: `count` values that outlive the call.
unsafe fn args<'a>(values: *const bhx_value, count: usize) -> Args<'a> {
    Args(if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(values, count) } })
}

/// `Args` and `Out` stand for all parameters and all results: they look at the function's own type as they go.
unsafe fn typed<'a>(func: &Func) -> TypedFunc<Args<'a>, Out> {
    unsafe { TypedFunc::new_unchecked(*func) }
}

/// On the caller's own stack, without a fiber: for stores that nothing has made asynchronous.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_call(
    func: &Func,
    mut context: Context<'_>,
    values: *const bhx_value,
    count: usize,
    out: &mut bhx_value,
) -> CError {
    guarded(|| {
        *out = unsafe { typed(func).call(&mut context, args(values, count)) }?.0?.take();
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_call_async<'a>(
    func: &'a Func,
    mut context: Context<'a>,
    values: *const bhx_value,
    count: usize,
    out: &'a mut bhx_value,
    error_out: &'a mut *mut wasmtime_error_t,
) -> bhx_future {
    let args = unsafe { args(values, count) };
    future(async move {
        match unsafe { typed(func) }.call_async(&mut context, args).await.and_then(|result| result.0) {
            Ok(result) => *out = result.take(),
            Err(error) => *error_out = Box::into_raw(Box::new(wasmtime_error_t::from(error))),
        }
    })
}
