//! What gateway middleware answers: read out of the guest into one block that C will own. It is the guest's word, and checked
//! here; nothing is read that a call does not need.

use crate::middleware::{Bytes, Entry, Header, Text};
use crate::value::{Span, allocate, is_no_memory, mismatch};
use crate::wrap::{not_utf8, utf8};
use std::borrow::Cow;
use std::mem::size_of;
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift};
use wasmtime::{Error, ValRaw};

/// `struct bh_verdict` of src/engine/message.h. All that it points to is in `block`, which C frees.
#[repr(C)]
pub struct bh_verdict {
    action: u32,
    has_status: bool,
    has_body: bool,
    status: u16,
    set: Span<Header>,
    add: Span<Header>,
    remove: Span<Text>,
    context: Span<Entry>,
    body: Span<u8>,
    block: *mut u8,
}
const _: () = assert!(size_of::<bh_verdict>() == 8 + 5 * 16 + 8);

impl bh_verdict {
    const EMPTY: bh_verdict = bh_verdict {
        action: 0,
        has_status: false,
        has_body: false,
        status: 0,
        set: Span { data: std::ptr::null_mut(), len: 0 },
        add: Span { data: std::ptr::null_mut(), len: 0 },
        remove: Span { data: std::ptr::null_mut(), len: 0 },
        context: Span { data: std::ptr::null_mut(), len: 0 },
        body: Span { data: std::ptr::null_mut(), len: 0 },
        block: std::ptr::null_mut(),
    };
}

/// A verdict on its way to C.
pub(crate) struct Owned(bh_verdict);
unsafe impl Send for Owned {}
unsafe impl Sync for Owned {}

impl Owned {
    pub(crate) fn take(mut self) -> bh_verdict {
        std::mem::replace(&mut self.0, bh_verdict::EMPTY)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        unsafe { libc::free(self.0.block.cast()) };
    }
}

/// The result of a call: an action, or an outcome, which is an action with a context behind it. Or why the host could
/// not hold it, which is no fault of the guest's.
pub(crate) struct Verdict<const OUTCOME: bool>(pub(crate) Result<Owned, Error>);

unsafe impl<const OUTCOME: bool> ComponentType for Verdict<OUTCOME> {
    // One slot: the address of it.
    type Lower = [ValRaw; 1];
    const ABI: CanonicalAbiInfo =
        CanonicalAbiInfo { size32: 0, align32: 1, size64: 0, align64: 1, flat_count: Some(1) };

    fn typecheck(_ty: &InterfaceType, _types: &InstanceType<'_>) -> Result<(), Error> {
        Ok(())
    }
}
unsafe impl<const OUTCOME: bool> ComponentNamedList for Verdict<OUTCOME> {}

unsafe impl<const OUTCOME: bool> Lift for Verdict<OUTCOME> {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, _ty: InterfaceType, src: &Self::Lower) -> Result<Self, Error> {
        match read(cx, src[0].get_u32() as usize, OUTCOME) {
            Err(error) if !is_no_memory(&error) => Err(error),
            result => Ok(Verdict(result)),
        }
    }

    fn linear_lift_from_memory(_cx: &mut LiftContext<'_>, _ty: InterfaceType, _bytes: &[u8]) -> Result<Self, Error> {
        Err(mismatch())
    }
}

/// How an action lies in memory: the case, and 4 bytes behind it what it carries.
mod lies {
    pub const ACTION: usize = 44;
    pub const OUTCOME: usize = 52;
    pub const PAYLOAD: usize = 4;
    pub mod edit {
        pub const STATUS: usize = 0; // an option: whether, and 2 bytes behind it which
        pub const SET: usize = 4;
        pub const ADD: usize = 12;
        pub const REMOVE: usize = 20;
        pub const BODY: usize = 28; // an option: whether, and 4 bytes behind it which
    }
    pub mod reply {
        pub const STATUS: usize = 0;
        pub const HEADERS: usize = 4;
        pub const BODY: usize = 12;
    }
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}

/// A list in the guest's memory, of items of `size` bytes that are aligned to 4 (or bytes).
fn list<'a>(cx: &LiftContext<'a>, bytes: &[u8], at: usize, size: usize) -> Result<&'a [u8], Error> {
    let (address, count) = (word(bytes, at), word(bytes, at + 4));
    let all = count.checked_mul(size);
    let found = all.and_then(|all| cx.memory().get(address..)?.get(..all));
    let found = found.ok_or_else(|| Error::msg("list pointer/length out of bounds of memory"))?;
    if size > 1 && !address.is_multiple_of(4) {
        return Err(Error::msg("list pointer is not aligned"));
    }
    Ok(found)
}

fn string<'a>(cx: &mut LiftContext<'a>, bytes: &[u8], at: usize) -> Result<Cow<'a, str>, Error> {
    if cx.options().string_encoding != StringEncoding::Utf8 {
        let slots = [ValRaw::u32(word(bytes, at) as u32), ValRaw::u32(word(bytes, at + 4) as u32)];
        return Ok(Cow::Owned(String::linear_lift_from_flat(cx, InterfaceType::String, &slots)?));
    }
    let (address, count) = (word(bytes, at), word(bytes, at + 4));
    let found = cx.memory().get(address..).and_then(|from| from.get(..count));
    let found = found.ok_or_else(|| Error::msg("string pointer/length out of bounds of memory"))?;
    Ok(Cow::Borrowed(utf8(found).ok_or_else(not_utf8)?))
}

/// Lists of a verdict as they lie in the guest.
#[derive(Default)]
struct Lists<'a> {
    set: &'a [u8],
    add: &'a [u8],
    remove: &'a [u8],
    context: &'a [u8],
    body: &'a [u8],
}

const PAIR: usize = 16; // two strings, or a string and a list
const STRING: usize = 8;

/// What the verdict will take of the host's memory: parts first, then the bytes of texts, each with a NUL behind it.
fn measure(cx: &mut LiftContext<'_>, lists: &Lists<'_>) -> Result<usize, Error> {
    let pairs = (lists.set.len() + lists.add.len() + lists.context.len()) / PAIR;
    cx.consume_fuel_array(pairs, size_of::<Header>() + 2)?;
    cx.consume_fuel_array(lists.remove.len() / STRING, size_of::<Text>() + 1)?;
    cx.consume_fuel(lists.body.len())?;
    let mut texts = 0usize;
    let mut count = |cx: &mut LiftContext<'_>, len: usize| {
        texts += len + 1;
        cx.consume_fuel(len)
    };
    for pair in lists.set.chunks_exact(PAIR).chain(lists.add.chunks_exact(PAIR)) {
        let len = string(cx, pair, 0)?.len();
        count(cx, len)?;
        let len = string(cx, pair, STRING)?.len();
        count(cx, len)?;
    }
    for item in lists.remove.chunks_exact(STRING) {
        let len = string(cx, item, 0)?.len();
        count(cx, len)?;
    }
    for pair in lists.context.chunks_exact(PAIR) {
        let len = string(cx, pair, 0)?.len();
        count(cx, len)?;
        let len = list(cx, pair, STRING, 1)?.len();
        count(cx, len)?;
    }
    let parts = pairs * size_of::<Header>() + lists.remove.len() / STRING * size_of::<Text>();
    Ok(parts + texts + lists.body.len() + 1)
}

/// Room that is handed out from the front. The sizes were measured before; they are checked again all the same.
struct Room {
    at: *mut u8,
    left: usize,
}

impl Room {
    fn take(&mut self, size: usize) -> Result<*mut u8, Error> {
        if size > self.left {
            return Err(mismatch());
        }
        let taken = self.at;
        self.at = unsafe { taken.add(size) };
        self.left -= size;
        Ok(taken)
    }

    fn parts<T>(&mut self, count: usize) -> Result<Span<T>, Error> {
        Ok(Span { data: self.take(count * size_of::<T>())?.cast(), len: count })
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<*mut u8, Error> {
        let room = self.take(bytes.len() + 1)?;
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), room, bytes.len());
            room.add(bytes.len()).write(0);
        }
        Ok(room)
    }

    fn text(&mut self, text: &str) -> Result<Text, Error> {
        Ok(Text { data: self.copy(text.as_bytes())?, len: text.len() })
    }
}

fn headers(cx: &mut LiftContext<'_>, room: &mut Room, from: &[u8], to: &Span<Header>) -> Result<(), Error> {
    for (index, pair) in from.chunks_exact(PAIR).enumerate() {
        let name = room.text(&string(cx, pair, 0)?)?;
        let value = room.text(&string(cx, pair, STRING)?)?;
        unsafe { to.data.add(index).write(Header { name, value }) };
    }
    Ok(())
}

fn fill(cx: &mut LiftContext<'_>, lists: &Lists<'_>, out: &mut bh_verdict) -> Result<(), Error> {
    let size = measure(cx, lists)?;
    out.block = allocate::<u8>(size)?;
    let mut room = Room { at: out.block, left: size };
    let (set, add) = (room.parts(lists.set.len() / PAIR)?, room.parts(lists.add.len() / PAIR)?);
    let context: Span<Entry> = room.parts(lists.context.len() / PAIR)?;
    let remove: Span<Text> = room.parts(lists.remove.len() / STRING)?;
    headers(cx, &mut room, lists.set, &set)?;
    headers(cx, &mut room, lists.add, &add)?;
    for (index, item) in lists.remove.chunks_exact(STRING).enumerate() {
        let name = room.text(&string(cx, item, 0)?)?;
        unsafe { remove.data.add(index).write(name) };
    }
    for (index, pair) in lists.context.chunks_exact(PAIR).enumerate() {
        let key = room.text(&string(cx, pair, 0)?)?;
        let value = list(cx, pair, STRING, 1)?;
        let value = Bytes { data: room.copy(value)?, len: value.len() };
        unsafe { context.data.add(index).write(Entry { key, value }) };
    }
    out.body = Span { data: room.copy(lists.body)?, len: lists.body.len() };
    (out.set, out.add, out.remove, out.context) = (set, add, remove, context);
    Ok(())
}

/// Whether an option is there.
fn some(bytes: &[u8], at: usize) -> Result<bool, Error> {
    match bytes[at] {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::msg(format!("invalid option discriminant {other}"))),
    }
}

fn read(cx: &mut LiftContext<'_>, address: usize, outcome: bool) -> Result<Owned, Error> {
    if !address.is_multiple_of(4) {
        return Err(Error::msg("return pointer not aligned"));
    }
    let size = if outcome { lies::OUTCOME } else { lies::ACTION };
    let bytes = cx.memory().get(address..).and_then(|from| from.get(..size));
    let bytes = bytes.ok_or_else(|| Error::msg("pointer out of bounds of memory"))?;
    let mut owned = Owned(bh_verdict { action: bytes[0].into(), ..bh_verdict::EMPTY });
    let (out, payload) = (&mut owned.0, &bytes[lies::PAYLOAD..lies::ACTION]);
    let mut lists = Lists::default();
    match bytes[0] {
        0 => {}
        1 => (out.has_status, out.status) = (true, half(payload, 0)),
        2 => {
            use lies::edit::*;
            out.has_status = some(payload, STATUS)?;
            out.status = if out.has_status { half(payload, STATUS + 2) } else { 0 };
            out.has_body = some(payload, BODY)?;
            lists.set = list(cx, payload, SET, PAIR)?;
            lists.add = list(cx, payload, ADD, PAIR)?;
            lists.remove = list(cx, payload, REMOVE, STRING)?;
            lists.body = if out.has_body { list(cx, payload, BODY + 4, 1)? } else { &[] };
        }
        3 if outcome => {
            use lies::reply::*;
            (out.has_status, out.has_body, out.status) = (true, true, half(payload, STATUS));
            lists.set = list(cx, payload, HEADERS, PAIR)?;
            lists.body = list(cx, payload, BODY, 1)?;
        }
        other => return Err(Error::msg(format!("invalid discriminant {other} of an action"))),
    }
    if outcome {
        lists.context = list(cx, bytes, lies::ACTION, PAIR)?;
    }
    // Most say `continue` and nothing else: that takes no memory.
    if out.action >= 2 || !lists.context.is_empty() {
        fill(cx, &lists, out)?;
    }
    Ok(owned)
}
