//! Arguments into a guest: from `bh_value` straight to the canonical ABI, whatever their types.
//!
//! The rules are those of the component model's CanonicalABI.md (flattening, alignment, discriminants). Strings and
//! byte lists are copied once, into the guest's memory.

use crate::types::kind;
use crate::value::*;
use std::mem::MaybeUninit;
use wasmtime::component::__internal::wasmtime_environ::component::{StringEncoding, VariantInfo};
use wasmtime::component::__internal::{CanonicalAbiInfo, ComponentTypes, InstanceType, InterfaceType, LowerContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lower, ResourceDynamic};
use wasmtime::{Error, ValRaw};

const MAX_FLAT: usize = 16;
/// Bytes of a string, by the canonical ABI.
const MAX_STRING: usize = (1 << 31) - 1;
pub type Slot = MaybeUninit<ValRaw>;

/// All arguments of a call. C keeps them until the guest has taken them.
#[derive(Clone, Copy)]
pub struct Args<'a>(pub &'a [bhx_value]);
unsafe impl Send for Args<'_> {}
unsafe impl Sync for Args<'_> {}

unsafe impl ComponentType for Args<'_> {
    // As many slots as any list of parameters takes; those with more pass one pointer instead.
    type Lower = [ValRaw; MAX_FLAT];
    const ABI: CanonicalAbiInfo =
        CanonicalAbiInfo { size32: 0, align32: 1, size64: 0, align64: 1, flat_count: Some(MAX_FLAT as u8) };

    fn typecheck(_ty: &InterfaceType, _types: &InstanceType<'_>) -> Result<(), Error> {
        Ok(())
    }
}
unsafe impl ComponentNamedList for Args<'_> {}

unsafe impl Lower for Args<'_> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<(), Error> {
        let InterfaceType::Tuple(params) = ty else { return Err(mismatch()) };
        let params = &cx.types[params];
        let mut slots: &mut [Slot] = unsafe { &mut *dst.as_mut_ptr().cast::<[Slot; MAX_FLAT]>() };
        if params.types.len() != self.0.len() {
            return Err(mismatch());
        }
        if params.abi.flat_count(MAX_FLAT).is_some() {
            return each(&params.types, self.0, |ty, value| flat(cx, ty, value, &mut slots));
        }
        let room = cx.realloc(0, 0, params.abi.align32, params.abi.size32 as usize)?;
        store_each(cx, &params.types, self.0, room)?;
        put(&mut slots, room as u64)
    }

    fn linear_lower_to_memory<T>(
        &self,
        _cx: &mut LowerContext<'_, T>,
        _ty: InterfaceType,
        _offset: usize,
    ) -> Result<(), Error> {
        Err(mismatch())
    }
}

fn each(
    types: &[InterfaceType],
    values: &[bhx_value],
    mut body: impl FnMut(InterfaceType, &bhx_value) -> Result<(), Error>,
) -> Result<(), Error> {
    if types.len() != values.len() {
        return Err(mismatch());
    }
    std::iter::zip(types, values).try_for_each(|(ty, value)| body(*ty, value))
}

/// The next slot. That there is one is checked: the number of slots follows from the type, not from the value.
fn put(slots: &mut &mut [Slot], bits: u64) -> Result<(), Error> {
    let (first, rest) = std::mem::take(slots).split_first_mut().ok_or_else(mismatch)?;
    first.write(ValRaw::u64(bits));
    *slots = rest;
    Ok(())
}

/// What the flat form of a scalar is, as bits: narrow integers widened to 32, the rest of the slot zero.
fn scalar(ty: InterfaceType, value: &bhx_value) -> Option<Result<u64, Error>> {
    let of = &value.of;
    let (wanted, bits) = unsafe {
        match ty {
            // Not read as a bool: C may have put any byte there.
            InterfaceType::Bool => (kind::BOOL, u64::from(of.u8 != 0)),
            InterfaceType::S8 => (kind::S8, i32::from(of.s8) as u32 as u64),
            InterfaceType::U8 => (kind::U8, of.u8.into()),
            InterfaceType::S16 => (kind::S16, i32::from(of.s16) as u32 as u64),
            InterfaceType::U16 => (kind::U16, of.u16.into()),
            InterfaceType::S32 => (kind::S32, of.u32.into()),
            InterfaceType::U32 => (kind::U32, of.u32.into()),
            InterfaceType::S64 => (kind::S64, of.u64),
            InterfaceType::U64 => (kind::U64, of.u64),
            InterfaceType::Float32 => (kind::F32, of.u32.into()),
            InterfaceType::Float64 => (kind::F64, of.u64),
            InterfaceType::Char if char::from_u32(of.u32).is_none() => return Some(Err(mismatch())),
            InterfaceType::Char => (kind::CHAR, of.u32.into()),
            _ => return None,
        }
    };
    Some(value.is(wanted).map(|()| bits))
}

/// Which case a value is of a type with cases: its number, its payload, and how it lies in memory.
struct Chosen<'a> {
    number: usize,
    payload: Option<(InterfaceType, &'a bhx_value)>,
    info: &'a VariantInfo,
    abi: &'a CanonicalAbiInfo,
}

fn payload<'a>(
    ty: Option<InterfaceType>,
    value: Option<&'a bhx_value>,
) -> Result<Option<(InterfaceType, &'a bhx_value)>, Error> {
    match (ty, value) {
        (Some(ty), Some(value)) => Ok(Some((ty, value))),
        (None, None) => Ok(None),
        _ => Err(mismatch()),
    }
}

fn chosen<'a>(types: &'a ComponentTypes, ty: InterfaceType, value: &'a bhx_value) -> Result<Chosen<'a>, Error> {
    match ty {
        InterfaceType::Variant(ty) => {
            let ty = &types[ty];
            value.is(kind::VARIANT)?;
            let (name, given) = value.case()?;
            let (number, _, wanted) = ty.cases.get_full(name).ok_or_else(mismatch)?;
            Ok(Chosen { number, payload: payload(*wanted, given)?, info: &ty.info, abi: &ty.abi })
        }
        InterfaceType::Enum(ty) => {
            let ty = &types[ty];
            value.is(kind::ENUM)?;
            let number = ty.names.get_index_of(value.case()?.0).ok_or_else(mismatch)?;
            Ok(Chosen { number, payload: None, info: &ty.info, abi: &ty.abi })
        }
        InterfaceType::Option(ty) => {
            let ty = &types[ty];
            value.is(kind::OPTION)?;
            let payload = value.option().map(|some| (ty.ty, some));
            Ok(Chosen { number: payload.is_some().into(), payload, info: &ty.info, abi: &ty.abi })
        }
        InterfaceType::Result(ty) => {
            let ty = &types[ty];
            value.is(kind::RESULT)?;
            let (is_err, given) = value.outcome();
            let wanted = if is_err { ty.err } else { ty.ok };
            Ok(Chosen { number: is_err.into(), payload: payload(wanted, given)?, info: &ty.info, abi: &ty.abi })
        }
        _ => Err(Error::msg("a value of this type cannot be passed")),
    }
}

/// The values of a record in its type's order; they may be given in another.
fn field<'a>(value: &'a bhx_value, index: usize, name: &str) -> Result<&'a bhx_value, Error> {
    let fields = value.fields();
    let likely = fields.get(index).filter(|field| field.name().is_ok_and(|given| given == name));
    let found = likely.or_else(|| fields.iter().find(|field| field.name().is_ok_and(|given| given == name)));
    found.map(|field| &field.value).ok_or_else(mismatch)
}

/// Which flags are set, 32 a word; and the bytes of a word in memory.
fn flag_words(types: &ComponentTypes, ty: InterfaceType, value: &bhx_value) -> Result<(usize, Vec<u32>), Error> {
    let InterfaceType::Flags(ty) = ty else { return Err(mismatch()) };
    let names = &types[ty].names;
    value.is(kind::FLAGS)?;
    let mut words = vec![0u32; names.len().div_ceil(32)];
    for &set in value.flags() {
        let bit = names.get_index_of(unsafe { name(set)? }).ok_or_else(mismatch)?;
        words[bit / 32] |= 1 << (bit % 32);
    }
    Ok((flag_width(names.len()), words))
}

/// As arguments on the stack.
pub fn flat<T>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    value: &bhx_value,
    slots: &mut &mut [Slot],
) -> Result<(), Error> {
    if let Some(bits) = scalar(ty, value) {
        return put(slots, bits?);
    }
    let types = cx.types;
    match ty {
        InterfaceType::String | InterfaceType::List(_) => {
            let (room, count) = block(cx, ty, value)?;
            put(slots, room as u64)?;
            put(slots, count as u64)
        }
        InterfaceType::Record(ty) => {
            value.is(kind::RECORD)?;
            for (index, part) in types[ty].fields.iter().enumerate() {
                flat(cx, part.ty, field(value, index, &part.name)?, slots)?;
            }
            Ok(())
        }
        InterfaceType::Tuple(ty) => {
            value.is(kind::TUPLE)?;
            each(&types[ty].types, value.items(), |ty, part| flat(cx, ty, part, slots))
        }
        InterfaceType::Flags(_) => {
            let (_, words) = flag_words(types, ty, value)?;
            words.into_iter().try_for_each(|word| put(slots, word.into()))
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => put(slots, handle(cx, ty, value)?.into()),
        _ => {
            let chosen = chosen(types, ty, value)?;
            let all = chosen.abi.flat_count(MAX_FLAT).ok_or_else(mismatch)?;
            let before = slots.len();
            put(slots, chosen.number as u64)?;
            if let Some((ty, value)) = chosen.payload {
                flat(cx, ty, value, slots)?;
            }
            // The slots that only other cases use.
            while before - slots.len() < all {
                put(slots, 0)?;
            }
            Ok(())
        }
    }
}

/// A number that stands for the handle in the guest.
fn handle<T>(cx: &mut LowerContext<'_, T>, ty: InterfaceType, value: &bhx_value) -> Result<u32, Error> {
    let wanted = if matches!(ty, InterfaceType::Own(_)) { kind::OWN } else { kind::BORROW };
    // An owned handle may be lent.
    value.is(wanted).or_else(|error| if wanted == kind::BORROW { value.is(kind::OWN) } else { Err(error) })?;
    let mut slot = Slot::uninit();
    match value.host_resource() {
        Some(HostHandle { kind, number, .. }) if wanted == kind::OWN => {
            ResourceDynamic::new_own(number, kind).linear_lower_to_flat(cx, ty, &mut slot)?;
        }
        Some(HostHandle { kind, number, .. }) => {
            ResourceDynamic::new_borrow(number, kind).linear_lower_to_flat(cx, ty, &mut slot)?;
        }
        None => value.resource()?.linear_lower_to_flat(cx, ty, &mut slot)?,
    }
    Ok(unsafe { slot.assume_init_ref() }.get_u32())
}

/// A string's or list's contents into memory of the guest's own choosing: address and count.
fn block<T>(cx: &mut LowerContext<'_, T>, ty: InterfaceType, value: &bhx_value) -> Result<(usize, usize), Error> {
    let InterfaceType::List(list) = ty else {
        return string(cx, ty, value);
    };
    let element = cx.types[list].element;
    if u32::from(value.kind) == kind::BYTES && matches!(element, InterfaceType::U8) {
        return pair(|slots| value.block().linear_lower_to_flat(cx, ty, slots));
    }
    value.is(kind::LIST)?;
    let items = value.items();
    let abi = cx.types.canonical_abi(&element);
    let (size, align) = (abi.size32 as usize, abi.align32);
    let all = items.len().checked_mul(size).ok_or_else(mismatch)?;
    let room = cx.realloc(0, 0, align, all)?;
    for (index, item) in items.iter().enumerate() {
        store(cx, element, item, room + index * size)?;
    }
    Ok((room, items.len()))
}

/// C has checked that it is UTF-8, when the call began; what is only copied is not checked again.
fn string<T>(cx: &mut LowerContext<'_, T>, ty: InterfaceType, value: &bhx_value) -> Result<(usize, usize), Error> {
    if cx.options().string_encoding != StringEncoding::Utf8 {
        return pair(|slots| value.text()?.linear_lower_to_flat(cx, ty, slots));
    }
    value.is(kind::STRING)?;
    let text = value.block();
    if text.len() > MAX_STRING {
        return Err(Error::msg(format!("a string of {} bytes is too long for a guest", text.len())));
    }
    let room = cx.realloc(0, 0, 1, text.len())?;
    cx.as_slice_mut().get_mut(room..room + text.len()).ok_or_else(mismatch)?.copy_from_slice(text);
    Ok((room, text.len()))
}

fn pair(lower: impl FnOnce(&mut MaybeUninit<[ValRaw; 2]>) -> Result<(), Error>) -> Result<(usize, usize), Error> {
    let mut slots = MaybeUninit::uninit();
    lower(&mut slots)?;
    let [address, count] = unsafe { slots.assume_init() };
    Ok((address.get_u32() as usize, count.get_u32() as usize))
}

fn write<T>(cx: &mut LowerContext<'_, T>, offset: usize, size: usize, bits: u64) -> Result<(), Error> {
    let place = cx.as_slice_mut().get_mut(offset..offset + size).ok_or_else(mismatch)?;
    place.copy_from_slice(&bits.to_le_bytes()[..size]);
    Ok(())
}

fn store_each<T>(
    cx: &mut LowerContext<'_, T>,
    types: &[InterfaceType],
    values: &[bhx_value],
    mut offset: usize,
) -> Result<(), Error> {
    let known = cx.types;
    each(types, values, |ty, value| {
        let at = known.canonical_abi(&ty).next_field32_size(&mut offset);
        store(cx, ty, value, at)
    })
}

/// Into the guest's memory.
pub fn store<T>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    value: &bhx_value,
    offset: usize,
) -> Result<(), Error> {
    let types = cx.types;
    if let Some(bits) = scalar(ty, value) {
        return write(cx, offset, types.canonical_abi(&ty).size32 as usize, bits?);
    }
    match ty {
        InterfaceType::String | InterfaceType::List(_) => {
            let (room, count) = block(cx, ty, value)?;
            write(cx, offset, 4, room as u64)?;
            write(cx, offset + 4, 4, count as u64)
        }
        InterfaceType::Record(ty) => {
            value.is(kind::RECORD)?;
            let mut at = offset;
            for (index, part) in types[ty].fields.iter().enumerate() {
                let place = types.canonical_abi(&part.ty).next_field32_size(&mut at);
                store(cx, part.ty, field(value, index, &part.name)?, place)?;
            }
            Ok(())
        }
        InterfaceType::Tuple(ty) => {
            value.is(kind::TUPLE)?;
            store_each(cx, &types[ty].types, value.items(), offset)
        }
        InterfaceType::Flags(_) => {
            let (width, words) = flag_words(types, ty, value)?;
            let places = (offset..).step_by(width);
            std::iter::zip(places, words).try_for_each(|(place, word)| write(cx, place, width, word.into()))
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => {
            let number = handle(cx, ty, value)?;
            write(cx, offset, 4, number.into())
        }
        _ => {
            let chosen = chosen(types, ty, value)?;
            write(cx, offset, width(chosen.info), chosen.number as u64)?;
            match chosen.payload {
                Some((ty, value)) => store(cx, ty, value, offset + chosen.info.payload_offset32 as usize),
                None => Ok(()),
            }
        }
    }
}

/// Bytes of a discriminant.
pub fn width(info: &VariantInfo) -> usize {
    u32::from(info.size) as usize
}

/// Bytes of the words that so many flags are kept in.
pub fn flag_width(count: usize) -> usize {
    match count {
        0..=8 => 1,
        9..=16 => 2,
        _ => 4,
    }
}
