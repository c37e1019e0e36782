//! The bytes path: strings and byte lists cross whole, never value by value.
//!
//! `In` and `Out` stand for both `string` and `list<u8>`: the two have the same shape in the canonical ABI, and
//! what differs (transcoding, UTF-8 checks) is chosen by the type at run time. So one set of compiled calls
//! serves every signature made of them.

use crate::poll::future;
use crate::wrap::*;
use std::mem::MaybeUninit;
use wasmtime::Error;
use wasmtime::ValRaw;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Func, Lift, Lower, TypedFunc};
use wasmtime_c_api::{wasmtime_call_future_t, wasmtime_error_t};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct bhx_bytes {
    data: *const u8,
    len: usize,
}

/// An argument: borrowed from C, which keeps it until the call is over.
#[derive(Clone, Copy)]
struct In(bhx_bytes);
unsafe impl Send for In {}
unsafe impl Sync for In {}

/// A result: a buffer that C will own.
struct Out(Vec<u8>);

macro_rules! same_shape {
    ($type:ty) => {
        unsafe impl ComponentType for $type {
            type Lower = [ValRaw; 2];
            const ABI: CanonicalAbiInfo = CanonicalAbiInfo::POINTER_PAIR;

            fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<(), Error> {
                match ty {
                    InterfaceType::String => Ok(()),
                    other => <[u8] as ComponentType>::typecheck(other, types),
                }
            }
        }
    };
}
same_shape!(In);
same_shape!(Out);

impl In {
    fn bytes(&self) -> &[u8] {
        unsafe { bytes(self.0.data, self.0.len) }
    }

    fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(self.bytes()).map_err(|_| Error::msg("a string argument is not UTF-8"))
    }
}

unsafe impl Lower for In {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<(), Error> {
        match ty {
            InterfaceType::String => self.text()?.linear_lower_to_flat(cx, ty, dst),
            _ => self.bytes().linear_lower_to_flat(cx, ty, dst),
        }
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> Result<(), Error> {
        match ty {
            InterfaceType::String => self.text()?.linear_lower_to_memory(cx, ty, offset),
            _ => self.bytes().linear_lower_to_memory(cx, ty, offset),
        }
    }
}

unsafe impl Lift for Out {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, ty: InterfaceType, src: &Self::Lower) -> Result<Self, Error> {
        Ok(Out(match ty {
            InterfaceType::String => String::linear_lift_from_flat(cx, ty, src)?.into_bytes(),
            _ => Vec::linear_lift_from_flat(cx, ty, src)?,
        }))
    }

    fn linear_lift_from_memory(cx: &mut LiftContext<'_>, ty: InterfaceType, bytes: &[u8]) -> Result<Self, Error> {
        Ok(Out(match ty {
            InterfaceType::String => String::linear_lift_from_memory(cx, ty, bytes)?.into_bytes(),
            _ => Vec::linear_lift_from_memory(cx, ty, bytes)?,
        }))
    }
}

/// A result as C takes it over.
#[repr(C)]
pub struct bhx_bulk_result {
    /// The block, NUL-terminated; NULL data where the result or its case carries none.
    block: bhx_block,
    is_err: bool,
}

trait IntoBulk: Lift + Send + Sync + 'static {
    fn into_bulk(self, out: &mut bhx_bulk_result);
}

impl IntoBulk for Out {
    fn into_bulk(self, out: &mut bhx_bulk_result) {
        out.block = bhx_block::terminated(self.0);
    }
}

impl IntoBulk for Result<Out, Out> {
    fn into_bulk(self, out: &mut bhx_bulk_result) {
        out.is_err = self.is_err();
        let (Ok(value) | Err(value)) = self;
        value.into_bulk(out);
    }
}

impl IntoBulk for Result<(), Out> {
    fn into_bulk(self, out: &mut bhx_bulk_result) {
        if let Err(value) = self {
            out.is_err = true;
            value.into_bulk(out);
        }
    }
}

impl IntoBulk for Result<Out, ()> {
    fn into_bulk(self, out: &mut bhx_bulk_result) {
        match self {
            Ok(value) => value.into_bulk(out),
            Err(()) => out.is_err = true,
        }
    }
}

type Call<'a> = Box<wasmtime_call_future_t<'a>>;

fn start<'a, P, R>(
    func: &Func,
    mut context: Context<'a>,
    params: P,
    out: &'a mut bhx_bulk_result,
    error_out: &'a mut *mut wasmtime_error_t,
    finish: impl FnOnce(R, &mut bhx_bulk_result) + 'a,
) -> Call<'a>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    // C found the shape from the export's own type, so it need not be checked at every call.
    let func = unsafe { TypedFunc::<P, R>::new_unchecked(*func) };
    future(async move {
        match func.call_async(&mut context, params).await {
            Ok(result) => finish(result, out),
            Err(error) => *error_out = Box::into_raw(Box::new(wasmtime_error_t::from(error))),
        }
    })
}

fn with_params<'a, P>(
    form: u32,
    func: &Func,
    context: Context<'a>,
    params: P,
    out: &'a mut bhx_bulk_result,
    error_out: &'a mut *mut wasmtime_error_t,
) -> Option<Call<'a>>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
{
    fn one<R: IntoBulk>((result,): (R,), out: &mut bhx_bulk_result) {
        result.into_bulk(out);
    }
    Some(match form {
        0 => start::<P, ()>(func, context, params, out, error_out, |(), _| ()),
        1 => start::<P, (Out,)>(func, context, params, out, error_out, one),
        2 => start::<P, (Result<Out, Out>,)>(func, context, params, out, error_out, one),
        3 => start::<P, (Result<(), Out>,)>(func, context, params, out, error_out, one),
        4 => start::<P, (Result<Out, ()>,)>(func, context, params, out, error_out, one),
        _ => return None,
    })
}

/// Calls `func`, whose parameters (at most 4) and result are strings and byte lists. `form` says what the result
/// is: 0 nothing, 1 a value, 2 result<value, value>, 3 result<_, value>, 4 result<value>. NULL for other shapes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_bulk_call_async<'a>(
    func: &Func,
    context: Context<'a>,
    args: *const bhx_bytes,
    count: usize,
    form: u32,
    out: &'a mut bhx_bulk_result,
    error_out: &'a mut *mut wasmtime_error_t,
) -> Option<Call<'a>> {
    let arg = |index: usize| In(unsafe { *args.add(index) });
    match count {
        0 => with_params(form, func, context, (), out, error_out),
        1 => with_params(form, func, context, (arg(0),), out, error_out),
        2 => with_params(form, func, context, (arg(0), arg(1)), out, error_out),
        3 => with_params(form, func, context, (arg(0), arg(1), arg(2)), out, error_out),
        4 => with_params(form, func, context, (arg(0), arg(1), arg(2), arg(3)), out, error_out),
        _ => None,
    }
}
