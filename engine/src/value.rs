//! `bh_value` of the public header, as Rust sees it: read where it lies, and filled for C.
//!
//! What C passes is checked against its type there; it is checked again here where a mistake would cost memory
//! safety, because the caller's memory may change while a call runs.

use crate::error::Raised;
use crate::types::kind;
use crate::wrap::{bytes, not_utf8, utf8};
use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};
use wasmtime::Error;
use wasmtime::component::ResourceAny;
use wasmtime_c_api::wasmtime_component_resource_any_t;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct bhx_value {
    pub kind: u8,
    pub owned: bool,
    pub of: Payload,
}
const _: () = assert!(size_of::<bhx_value>() == 24 && align_of::<bhx_value>() == 8);

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Span<T> {
    pub data: *mut T,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Case {
    pub name: *const c_char,
    pub payload: *mut bhx_value,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Outcome {
    pub payload: *mut bhx_value,
    pub is_err: bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union Payload {
    pub boolean: bool,
    pub s8: i8,
    pub u8: u8,
    pub s16: i16,
    pub u16: u16,
    pub s32: i32,
    pub u32: u32,
    pub s64: i64,
    pub u64: u64,
    pub block: Span<u8>,
    pub items: Span<bhx_value>,
    pub fields: Span<bhx_field>,
    pub case: Case,
    pub option: *mut bhx_value,
    pub outcome: Outcome,
    pub names: Span<*const c_char>,
    pub resource: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct bhx_field {
    pub name: *const c_char,
    pub value: bhx_value,
}

/// What C does for values: its allocator, and its side of resource handles.
#[repr(C)]
pub struct bhx_value_ops {
    alloc: extern "C" fn(usize) -> *mut c_void,
    clear: unsafe extern "C" fn(*mut bhx_value),
    lend: extern "C" fn(*mut c_void) -> *const wasmtime_component_resource_any_t,
    wrap: extern "C" fn(*mut wasmtime_component_resource_any_t) -> *mut c_void,
    lend_host: extern "C" fn(*mut c_void, &mut HostHandle) -> bool,
    wrap_host: extern "C" fn(&HostHandle) -> *mut c_void,
    raise_no_memory: u32,
    raise_no_memory_in_call: u32,
}

/// A handle of a resource that the embedding program defined: which resource, and the number that stands for it in
/// the guest's store.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct HostHandle {
    pub kind: u32,
    pub number: u32,
    pub owned: bool,
}

static OPS: AtomicPtr<bhx_value_ops> = AtomicPtr::new(std::ptr::null_mut());

/// To be called before the first value is touched; `ops` stays.
#[unsafe(no_mangle)]
pub extern "C" fn bhx_values_use(ops: &'static bhx_value_ops) {
    OPS.store(std::ptr::from_ref(ops).cast_mut(), Ordering::Release);
}

fn ops() -> &'static bhx_value_ops {
    unsafe { &*OPS.load(Ordering::Acquire) }
}

fn no_memory() -> Error {
    Error::from(Raised(ops().raise_no_memory))
}

pub fn is_no_memory(error: &Error) -> bool {
    error.downcast_ref::<Raised>().is_some_and(|raised| raised.0 == ops().raise_no_memory)
}

/// Room for `count` parts from C's allocator; never of size zero.
pub fn allocate<T>(count: usize) -> Result<*mut T, Error> {
    let size = count.checked_mul(size_of::<T>()).ok_or_else(no_memory)?;
    let room = (ops().alloc)(size.max(1)).cast::<T>();
    if room.is_null() { Err(no_memory()) } else { Ok(room) }
}

/// No memory, in the middle of a call: unlike where a result has no room, the guest is not through with it.
pub fn out_of_memory_in_call(error: Error) -> Error {
    if is_no_memory(&error) { Error::from(Raised(ops().raise_no_memory_in_call)) } else { error }
}

pub fn mismatch() -> Error {
    Error::msg("an argument does not fit its type")
}

/// Reading.
impl bhx_value {
    pub const NONE: bhx_value = bhx_value { kind: kind::NONE as u8, owned: false, of: Payload { u64: 0 } };

    pub fn is(&self, wanted: u32) -> Result<(), Error> {
        if u32::from(self.kind) == wanted { Ok(()) } else { Err(mismatch()) }
    }

    /// The bytes of a string or of a list<u8>.
    pub fn block(&self) -> &[u8] {
        unsafe { bytes(self.of.block.data, self.of.block.len) }
    }

    pub fn text(&self) -> Result<&str, Error> {
        self.is(kind::STRING)?;
        utf8(self.block()).ok_or_else(not_utf8)
    }

    /// The parts of a list or tuple.
    pub fn items(&self) -> &[bhx_value] {
        unsafe { slice(self.of.items) }
    }

    pub fn fields(&self) -> &[bhx_field] {
        unsafe { slice(self.of.fields) }
    }

    pub fn flags(&self) -> &[*const c_char] {
        unsafe { slice(self.of.names) }
    }

    pub fn case(&self) -> Result<(&str, Option<&bhx_value>), Error> {
        unsafe { Ok((name(self.of.case.name)?, self.of.case.payload.as_ref())) }
    }

    pub fn option(&self) -> Option<&bhx_value> {
        unsafe { self.of.option.as_ref() }
    }

    /// Whether it is err, and what it carries.
    pub fn outcome(&self) -> (bool, Option<&bhx_value>) {
        unsafe { (self.of.outcome.is_err, self.of.outcome.payload.as_ref()) }
    }

    /// If it is a handle of the embedding program's.
    pub fn host_resource(&self) -> Option<HostHandle> {
        let mut handle = HostHandle::default();
        (ops().lend_host)(unsafe { self.of.resource }, &mut handle).then_some(handle)
    }

    pub fn resource(&self) -> Result<ResourceAny, Error> {
        let handle = (ops().lend)(unsafe { self.of.resource });
        match unsafe { handle.as_ref() } {
            Some(handle) => Ok(*crate::wrap::resource(handle)),
            None => Err(Error::msg("the resource handle was dropped or passed on")),
        }
    }
}

impl bhx_field {
    pub fn name(&self) -> Result<&str, Error> {
        unsafe { name(self.name) }
    }
}

unsafe fn slice<'a, T>(span: Span<T>) -> &'a [T] {
    if span.len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(span.data, span.len) } }
}

/// A name from C: NUL-terminated.
pub unsafe fn name<'a>(text: *const c_char) -> Result<&'a str, Error> {
    if text.is_null() {
        return Err(mismatch());
    }
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| mismatch())
}

/// A value that C will own, freed if it does not get there. Everything in it is freed with it, so parts are hung in
/// as soon as they are made.
pub struct Filled(pub bhx_value);
unsafe impl Send for Filled {}
unsafe impl Sync for Filled {}

impl Drop for Filled {
    fn drop(&mut self) {
        if u32::from(self.0.kind) > kind::CHAR {
            unsafe { (ops().clear)(&mut self.0) };
        }
    }
}

impl Filled {
    pub fn new(kind: u32, of: Payload) -> Filled {
        Filled(bhx_value { kind: kind as u8, owned: true, of })
    }

    pub fn none() -> Filled {
        Filled(bhx_value::NONE)
    }

    pub fn take(mut self) -> bhx_value {
        std::mem::replace(&mut self.0, bhx_value::NONE)
    }

    pub fn boxed(self) -> Result<*mut bhx_value, Error> {
        let room = allocate::<bhx_value>(1)?;
        unsafe { room.write(self.take()) };
        Ok(room)
    }

    /// A string or list<u8>, with a NUL behind it.
    pub fn block(kind: u32, data: &[u8]) -> Result<Filled, Error> {
        Ok(Filled::new(kind, Payload { block: Span { data: copy(data)?, len: data.len() } }))
    }

    /// A list or tuple of what `part` makes, one after the other.
    pub fn items(
        kind: u32,
        count: usize,
        mut part: impl FnMut(usize) -> Result<Filled, Error>,
    ) -> Result<Filled, Error> {
        let data = allocate::<bhx_value>(count)?;
        let mut list = Filled::new(kind, Payload { items: Span { data, len: 0 } });
        for index in 0..count {
            unsafe { data.add(index).write(part(index)?.take()) };
            list.0.of.items.len = index + 1;
        }
        Ok(list)
    }

    pub fn record<'a>(
        count: usize,
        mut part: impl FnMut(usize) -> Result<(&'a str, Filled), Error>,
    ) -> Result<Filled, Error> {
        let data = allocate::<bhx_field>(count)?;
        let mut record = Filled::new(kind::RECORD, Payload { fields: Span { data, len: 0 } });
        for index in 0..count {
            let (name, value) = part(index)?;
            let name = copy(name.as_bytes())?.cast();
            unsafe { data.add(index).write(bhx_field { name, value: value.take() }) };
            record.0.of.fields.len = index + 1;
        }
        Ok(record)
    }

    /// A variant or, without a payload, an enum.
    pub fn case(kind: u32, name: &str, payload: Option<Filled>) -> Result<Filled, Error> {
        let name = copy(name.as_bytes())?.cast();
        let mut case = Filled::new(kind, Payload { case: Case { name, payload: std::ptr::null_mut() } });
        if let Some(payload) = payload {
            case.0.of.case.payload = payload.boxed()?;
        }
        Ok(case)
    }

    pub fn option(some: Option<Filled>) -> Result<Filled, Error> {
        let option = some.map_or(Ok(std::ptr::null_mut()), Filled::boxed)?;
        Ok(Filled::new(kind::OPTION, Payload { option }))
    }

    pub fn outcome(is_err: bool, payload: Option<Filled>) -> Result<Filled, Error> {
        let payload = payload.map_or(Ok(std::ptr::null_mut()), Filled::boxed)?;
        Ok(Filled::new(kind::RESULT, Payload { outcome: Outcome { payload, is_err } }))
    }

    pub fn flags<'a>(set: impl ExactSizeIterator<Item = &'a str>) -> Result<Filled, Error> {
        let data = allocate::<*const c_char>(set.len())?;
        let mut flags = Filled::new(kind::FLAGS, Payload { names: Span { data, len: 0 } });
        for (index, name) in set.enumerate() {
            unsafe { data.add(index).write(copy(name.as_bytes())?.cast()) };
            flags.0.of.names.len = index + 1;
        }
        Ok(flags)
    }

    pub fn host_resource(handle: &HostHandle) -> Result<Filled, Error> {
        let resource = (ops().wrap_host)(handle);
        if resource.is_null() {
            return Err(no_memory());
        }
        Ok(Filled::new(if handle.owned { kind::OWN } else { kind::BORROW }, Payload { resource }))
    }

    pub fn u32(number: u32) -> Filled {
        Filled::new(kind::U32, Payload { u64: number.into() })
    }

    pub fn resource(kind: u32, handle: ResourceAny) -> Result<Filled, Error> {
        // The C API's wrapper is the handle itself (asserted in wrap.rs).
        let handle = Box::into_raw(Box::new(handle));
        let resource = (ops().wrap)(handle.cast());
        if resource.is_null() {
            drop(unsafe { Box::from_raw(handle) });
            return Err(no_memory());
        }
        Ok(Filled::new(kind, Payload { resource }))
    }
}

/// A copy that C frees, with a NUL behind it.
fn copy(data: &[u8]) -> Result<*mut u8, Error> {
    let room = allocate::<u8>(data.len() + 1)?;
    unsafe {
        std::ptr::copy_nonoverlapping(data.as_ptr(), room, data.len());
        room.add(data.len()).write(0);
    }
    Ok(room)
}
