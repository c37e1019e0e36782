//! Functions and resources that the embedding program defines: a guest's call becomes a question to C, whose answer
//! goes back to the guest.
//!
//! C does not answer on the guest's stack, unless the function is a leaf: the question is left with the store, the
//! fiber is suspended, and whoever polls it finds the question, answers it on a stack of their own and polls again.

use crate::lift;
use crate::lower;
use crate::value::{Filled, bhx_value, mismatch, out_of_memory_in_call};
use crate::wrap::*;
use std::ffi::c_void;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::task::Poll;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, LinkerInstance, Lower, ResourceType};
use wasmtime::{Error, ValRaw};
use wasmtime_c_api::{
    wasmtime_component_func_type_t, wasmtime_component_linker_t, wasmtime_component_t, wasmtime_context_get_data,
};

use crate::error::{Raised, bhx_text};

/// As many parameters as are passed one by one; more are passed in memory.
const MAX_FLAT_PARAMS: usize = 16;
const MAX_FLAT_RESULTS: usize = 1;

/// How many slots a value takes is the import's own matter, which the engine need not know: it has checked that
/// there are as many as the import's type says, and only looks whether there are as many as this says.
const NO_SLOTS: CanonicalAbiInfo =
    CanonicalAbiInfo { size32: 0, align32: 1, size64: 0, align64: 1, flat_count: Some(0) };

/// What a guest passes: a tuple that C will own.
struct Given(Filled);

unsafe impl ComponentType for Given {
    type Lower = [ValRaw; 0];
    const ABI: CanonicalAbiInfo = NO_SLOTS;

    fn typecheck(_ty: &InterfaceType, _types: &InstanceType<'_>) -> Result<(), Error> {
        Ok(())
    }
}
unsafe impl ComponentNamedList for Given {}

unsafe impl Lift for Given {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, ty: InterfaceType, src: &Self::Lower) -> Result<Self, Error> {
        let InterfaceType::Tuple(params) = ty else { return Err(mismatch()) };
        let params = &cx.types[params];
        if params.types.is_empty() {
            return Ok(Given(Filled::none()));
        }
        let count = params.abi.flat_count(MAX_FLAT_PARAMS).ok_or_else(mismatch)?;
        // The engine has cut the slots to this count before it handed them over.
        let mut slots = unsafe { std::slice::from_raw_parts(src.as_ptr(), count) };
        lift::flat(cx, ty, &mut slots).map(Given).map_err(out_of_memory_in_call)
    }

    fn linear_lift_from_memory(cx: &mut LiftContext<'_>, ty: InterfaceType, bytes: &[u8]) -> Result<Self, Error> {
        let size = cx.types.canonical_abi(&ty).size32 as usize;
        // An empty part of the memory, which tells where the arguments begin.
        let start = bytes.as_ptr().addr().wrapping_sub(cx.memory().as_ptr().addr());
        let bytes = cx.memory().get(start..).and_then(|from| from.get(..size)).ok_or_else(mismatch)?;
        lift::load(cx, ty, bytes).map(Given).map_err(out_of_memory_in_call)
    }
}

/// What the guest gets, of kind NONE where the function has no result. It fits the import's type: C has looked.
struct Answer(Filled);

unsafe impl ComponentType for Answer {
    type Lower = [ValRaw; 0];
    const ABI: CanonicalAbiInfo = NO_SLOTS;

    fn typecheck(_ty: &InterfaceType, _types: &InstanceType<'_>) -> Result<(), Error> {
        Ok(())
    }
}
unsafe impl ComponentNamedList for Answer {}

impl Answer {
    fn ty<T>(cx: &LowerContext<'_, T>, ty: InterfaceType) -> Result<Option<InterfaceType>, Error> {
        let InterfaceType::Tuple(results) = ty else { return Err(mismatch()) };
        Ok(cx.types[results].types.first().copied())
    }
}

unsafe impl Lower for Answer {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<(), Error> {
        let count = cx.types.canonical_abi(&ty).flat_count(MAX_FLAT_RESULTS).ok_or_else(mismatch)?;
        let mut slots = unsafe { std::slice::from_raw_parts_mut(dst.as_mut_ptr().cast::<lower::Slot>(), count) };
        match Answer::ty(cx, ty)? {
            Some(ty) => lower::flat(cx, ty, &self.0.0, &mut slots),
            None => Ok(()),
        }
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> Result<(), Error> {
        match Answer::ty(cx, ty)? {
            Some(ty) => lower::store(cx, ty, &self.0.0, offset),
            None => Ok(()),
        }
    }
}

/// C's side. `store` is the data of the store that the guest lives in.
#[repr(C)]
pub struct bhx_import_ops {
    /// The guest calls; `args` are taken over.
    begin: unsafe extern "C" fn(store: *mut c_void, import: *mut c_void, args: *mut bhx_value),
    /// How the call stands: 0 over, with `result` filled; 1 not yet; anything else raises an error of that code.
    ask: unsafe extern "C" fn(store: *mut c_void, result: *mut bhx_value) -> u32,
}

const OVER: u32 = 0;
const NOT_YET: u32 = 1;

/// Which import it is, and whom to ask.
#[derive(Clone, Copy)]
struct Import {
    import: *mut c_void,
    ops: &'static bhx_import_ops,
}
unsafe impl Send for Import {}
unsafe impl Sync for Import {}

/// A call of it, by the guest in a store.
struct Call {
    store: *mut c_void,
    ops: &'static bhx_import_ops,
}
unsafe impl Send for Call {}
unsafe impl Sync for Call {}

impl Import {
    fn begin(self, context: Context<'_>, args: Filled) -> Call {
        let call = Call { store: wasmtime_context_get_data((&context).into()), ops: self.ops };
        let mut args = args.take();
        unsafe { (self.ops.begin)(call.store, self.import, &mut args) };
        call
    }
}

impl Call {
    fn ask(&self) -> Poll<Result<Filled, Error>> {
        let mut result = bhx_value::NONE;
        match unsafe { (self.ops.ask)(self.store, &mut result) } {
            OVER => Poll::Ready(Ok(Filled(result))),
            NOT_YET => Poll::Pending,
            code => Poll::Ready(Err(Raised(code).into())),
        }
    }

    /// Nobody is told whom to wake: the store knows that there is a question, and is polled when it is answered.
    async fn answer(self) -> Result<Filled, Error> {
        poll_fn(|_| self.ask()).await
    }

    fn answer_at_once(self) -> Result<Filled, Error> {
        match self.ask() {
            Poll::Ready(answer) => answer,
            Poll::Pending => Err(Error::msg("a leaf was not answered")),
        }
    }
}

/// A linker with everything that another one has.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_linker_copy(
    l: &wasmtime_component_linker_t,
    out: &mut *mut wasmtime_component_linker_t,
) -> CError {
    guarded(|| {
        *out = Box::into_raw(Box::new(linker(l).clone())).cast();
        Ok(())
    })
}

unsafe fn room<'a>(
    l: &'a mut wasmtime_component_linker_t,
    interface: *const u8,
    interface_len: usize,
) -> Result<LinkerInstance<'a, Data>, Error> {
    let root = linker_mut(l).root();
    if interface.is_null() { Ok(root) } else { root.into_instance(unsafe { text(interface, interface_len) }?) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_linker_define(
    l: &mut wasmtime_component_linker_t,
    place: &bhx_place,
    leaf: bool,
    import: *mut c_void,
    ops: &'static bhx_import_ops,
) -> CError {
    let import = Import { import, ops };
    guarded(|| {
        let mut room = unsafe { room(l, place.interface, place.interface_len) }?;
        let name = unsafe { text(place.name, place.name_len) }?;
        if leaf {
            room.func_wrap(name, move |context: Context<'_>, args: Given| {
                import.begin(context, args.0).answer_at_once().map(Answer)
            })
        } else {
            room.func_wrap_async(name, move |context: Context<'_>, args: Given| {
                let call = import.begin(context, args.0);
                Box::new(async move { call.answer().await.map(Answer) })
            })
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_linker_define_resource(
    l: &mut wasmtime_component_linker_t,
    place: &bhx_place,
    kind: u32,
    import: *mut c_void,
    ops: &'static bhx_import_ops,
) -> CError {
    let import = Import { import, ops };
    guarded(|| {
        let mut room = unsafe { room(l, place.interface, place.interface_len) }?;
        let name = unsafe { text(place.name, place.name_len) }?;
        room.resource_async(name, ResourceType::host_dynamic(kind), move |context, number| {
            let call = import.begin(context, Filled::u32(number));
            Box::new(async move { call.answer().await.map(|_| ()) })
        })
    })
}

/// Where something is defined or imported. No interface: the world itself.
#[repr(C)]
pub struct bhx_place {
    interface: *const u8,
    interface_len: usize,
    name: *const u8,
    name_len: usize,
}

/// One import, by itself or a part of an interface. `ty` is NULL for what is no function, and belongs to the callee.
#[repr(C)]
pub struct bhx_import {
    interface: bhx_text,
    name: bhx_text,
    ty: *mut wasmtime_component_func_type_t,
    kind: u32,
}

const FUNCTION: u32 = 0;
const RESOURCE: u32 = 1;
const OTHER: u32 = 2;

type ImportCallback = extern "C" fn(*mut c_void, &mut bhx_import) -> bool;

struct Visit {
    callback: ImportCallback,
    data: *mut c_void,
}

impl Visit {
    fn give(&self, interface: Option<&str>, name: &str, kind: u32, ty: Option<ComponentFunc>) -> bool {
        let ty = ty.map_or(std::ptr::null_mut(), |ty| Box::into_raw(Box::new(ty.into())));
        (self.callback)(self.data, &mut bhx_import { interface: interface.into(), name: Some(name).into(), ty, kind })
    }

    /// Types by themselves need nobody to provide them.
    fn item(&self, interface: Option<&str>, name: &str, item: ComponentItem) -> bool {
        match item {
            ComponentItem::ComponentFunc(func) => self.give(interface, name, FUNCTION, Some(func)),
            ComponentItem::Resource(_) => self.give(interface, name, RESOURCE, None),
            ComponentItem::Type(_) => true,
            _ => self.give(interface, name, OTHER, None),
        }
    }
}

/// Calls back with everything that a component imports, interfaces part by part, until the callback says false.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_component_imports(
    c: &wasmtime_component_t,
    callback: ImportCallback,
    data: *mut c_void,
) -> CError {
    guarded(|| {
        let visit = Visit { callback, data };
        let component = component(c);
        let ty = component.component_type();
        let engine = component.engine();
        for (name, item) in ty.imports(engine) {
            let more = match item.ty {
                ComponentItem::ComponentInstance(interface) => {
                    interface.exports(engine).all(|(inner, item)| visit.item(Some(name), inner, item.ty))
                }
                item => visit.item(None, name, item),
            };
            if !more {
                break;
            }
        }
        Ok(())
    })
}
