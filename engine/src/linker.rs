//! Linkers and what they make: components linked once, instantiated many times.

use crate::poll::{bhx_future, future};
use crate::wrap::*;
use wasmtime::component::{Instance, InstancePre};
use wasmtime_c_api::{wasmtime_component_linker_t, wasmtime_component_t, wasmtime_error_t};

#[unsafe(no_mangle)]
pub extern "C" fn bhx_linker_add_wasi(l: &mut wasmtime_component_linker_t, package: u32) -> CError {
    guarded(|| crate::wasi::link(linker_mut(l), package))
}

pub struct bhx_instance_pre(InstancePre<Data>);

#[unsafe(no_mangle)]
pub extern "C" fn bhx_linker_instantiate_pre(
    l: &wasmtime_component_linker_t,
    c: &wasmtime_component_t,
    out: &mut *mut bhx_instance_pre,
) -> CError {
    guarded(|| {
        let pre = linker(l).instantiate_pre(component(c))?;
        *out = Box::into_raw(Box::new(bhx_instance_pre(pre)));
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_instance_pre_delete(_pre: Option<Box<bhx_instance_pre>>) {}

#[unsafe(no_mangle)]
pub extern "C" fn bhx_instance_pre_instantiate_async<'a>(
    pre: &'a bhx_instance_pre,
    context: Context<'a>,
    out: &'a mut Instance,
    error_out: &'a mut *mut wasmtime_error_t,
) -> bhx_future {
    future(async move {
        match pre.0.instantiate_async(context).await {
            Ok(instance) => *out = instance,
            Err(error) => *error_out = Box::into_raw(Box::new(wasmtime_error_t::from(error))),
        }
    })
}

/// On the caller's own stack: for components that import nothing asynchronous.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_instance_pre_instantiate(
    pre: &bhx_instance_pre,
    context: Context<'_>,
    out: &mut Instance,
) -> CError {
    guarded(|| {
        *out = pre.0.instantiate(context)?;
        Ok(())
    })
}
