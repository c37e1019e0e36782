//! Values out of a guest, results and the arguments of host functions: from the canonical ABI straight to a `bh_value`
//! that C will own.
//!
//! Everything is the guest's word, and checked: addresses, lengths, alignment, discriminants, text. What the host
//! allocates for it comes out of the bound on a host call's bytes.

use crate::lower::{flag_width, width};
use crate::types::kind;
use crate::value::*;
use crate::wrap::{not_utf8, utf8};
use wasmtime::Error;
use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::{StringEncoding, TypeListIndex, VariantInfo};
use wasmtime::component::__internal::{CanonicalAbiInfo, ComponentTypes, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, ResourceAny, ResourceDynamic};

/// The result of a call, of kind NONE where the function has none; or why the host could not hold it, which is no
/// fault of the guest's: its call ends as any other.
pub struct Out(pub Result<Filled, Error>);

unsafe impl ComponentType for Out {
    // One slot: a value that fits, or the address of one that does not.
    type Lower = [ValRaw; 1];
    const ABI: CanonicalAbiInfo =
        CanonicalAbiInfo { size32: 0, align32: 1, size64: 0, align64: 1, flat_count: Some(1) };

    fn typecheck(_ty: &InterfaceType, _types: &InstanceType<'_>) -> Result<(), Error> {
        Ok(())
    }
}
unsafe impl ComponentNamedList for Out {}

unsafe impl Lift for Out {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, ty: InterfaceType, src: &Self::Lower) -> Result<Self, Error> {
        match result(cx, ty, src) {
            Err(error) if !is_no_memory(&error) => Err(error),
            result => Ok(Out(result)),
        }
    }

    fn linear_lift_from_memory(_cx: &mut LiftContext<'_>, _ty: InterfaceType, _bytes: &[u8]) -> Result<Self, Error> {
        Err(mismatch())
    }
}

fn result(cx: &mut LiftContext<'_>, ty: InterfaceType, src: &[ValRaw; 1]) -> Result<Filled, Error> {
    let types = cx.types;
    let InterfaceType::Tuple(results) = ty else { return Err(mismatch()) };
    let results = &types[results];
    let Some(&ty) = results.types.first() else { return Ok(Filled::none()) };
    if results.abi.flat_count(1).is_some() {
        return flat(cx, ty, &mut &src[..]);
    }
    let address = src[0].get_u32() as usize;
    if !address.is_multiple_of(results.abi.align32 as usize) {
        return Err(Error::msg("return pointer not aligned"));
    }
    let bytes = cx.memory().get(address..).and_then(|from| from.get(..results.abi.size32 as usize));
    load(cx, ty, bytes.ok_or_else(|| Error::msg("pointer out of bounds of memory"))?)
}

fn next(slots: &mut &[ValRaw]) -> Result<ValRaw, Error> {
    let (first, rest) = slots.split_first().ok_or_else(mismatch)?;
    *slots = rest;
    Ok(*first)
}

/// A scalar from its bits, of which the upper ones may be anything.
fn scalar(ty: InterfaceType, bits: u64) -> Option<Result<bhx_value, Error>> {
    let (kind, of) = match ty {
        InterfaceType::Bool => (kind::BOOL, Payload { boolean: bits as u32 != 0 }),
        InterfaceType::S8 | InterfaceType::U8 => {
            (if matches!(ty, InterfaceType::S8) { kind::S8 } else { kind::U8 }, Payload { u64: bits & 0xFF })
        }
        InterfaceType::S16 | InterfaceType::U16 => {
            (if matches!(ty, InterfaceType::S16) { kind::S16 } else { kind::U16 }, Payload { u64: bits & 0xFFFF })
        }
        InterfaceType::S32 => (kind::S32, Payload { u64: bits & 0xFFFF_FFFF }),
        InterfaceType::U32 => (kind::U32, Payload { u64: bits & 0xFFFF_FFFF }),
        InterfaceType::S64 => (kind::S64, Payload { u64: bits }),
        InterfaceType::U64 => (kind::U64, Payload { u64: bits }),
        InterfaceType::Float32 => (kind::F32, Payload { u64: bits & 0xFFFF_FFFF }),
        InterfaceType::Float64 => (kind::F64, Payload { u64: bits }),
        InterfaceType::Char if char::from_u32(bits as u32).is_none() => {
            return Some(Err(Error::msg("converted integer out of range for `char`")));
        }
        InterfaceType::Char => (kind::CHAR, Payload { u64: bits & 0xFFFF_FFFF }),
        _ => return None,
    };
    Some(Ok(bhx_value { kind: kind as u8, owned: true, of }))
}

/// From slots: the one of a result, or those of arguments.
pub fn flat(cx: &mut LiftContext<'_>, ty: InterfaceType, slots: &mut &[ValRaw]) -> Result<Filled, Error> {
    let types = cx.types;
    match ty {
        InterfaceType::String | InterfaceType::List(_) => {
            let (address, count) = (next(slots)?.get_u32(), next(slots)?.get_u32());
            block(cx, ty, address as usize, count as usize)
        }
        InterfaceType::Record(ty) => {
            let fields = &types[ty].fields;
            charge_record(cx, fields.iter().map(|field| field.name.len()))?;
            Filled::record(fields.len(), |index| Ok((&*fields[index].name, flat(cx, fields[index].ty, slots)?)))
        }
        InterfaceType::Tuple(ty) => {
            let parts = &types[ty].types;
            cx.consume_fuel_array(parts.len(), size_of::<bhx_value>())?;
            Filled::items(kind::TUPLE, parts.len(), |index| flat(cx, parts[index], slots))
        }
        InterfaceType::Flags(_) => {
            let mut words = Vec::new();
            for _ in 0..types.canonical_abi(&ty).flat_count.unwrap_or(0) {
                words.push(next(slots)?.get_u32());
            }
            flags(cx, ty, &words)
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => resource(cx, ty, next(slots)?.get_u32()),
        _ => match scalar(ty, 0) {
            Some(_) => scalar(ty, next(slots)?.get_u64()).ok_or_else(mismatch)?.map(Filled),
            None => {
                let cases = Cases::of(types, ty)?;
                let all = cases.abi.flat_count(usize::MAX).ok_or_else(mismatch)?;
                let (mut mine, rest) = slots.split_at_checked(all).ok_or_else(mismatch)?;
                *slots = rest;
                let number = next(&mut mine)?.get_u32();
                cases.fill(cx, number, |cx, ty| flat(cx, ty, &mut mine))
            }
        },
    }
}

fn number(bytes: &[u8]) -> u64 {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(wide)
}

/// From the guest's memory. `bytes` are those of the value, as many as its type says.
pub fn load(cx: &mut LiftContext<'_>, ty: InterfaceType, bytes: &[u8]) -> Result<Filled, Error> {
    let types = cx.types;
    match ty {
        InterfaceType::String | InterfaceType::List(_) => {
            block(cx, ty, number(&bytes[..4]) as usize, number(&bytes[4..8]) as usize)
        }
        InterfaceType::Record(ty) => {
            let fields = &types[ty].fields;
            let mut offset = 0;
            charge_record(cx, fields.iter().map(|field| field.name.len()))?;
            Filled::record(fields.len(), |index| {
                let part = part(types, fields[index].ty, bytes, &mut offset);
                Ok((&*fields[index].name, load(cx, fields[index].ty, part)?))
            })
        }
        InterfaceType::Tuple(ty) => {
            let parts = &types[ty].types;
            let mut offset = 0;
            cx.consume_fuel_array(parts.len(), size_of::<bhx_value>())?;
            Filled::items(kind::TUPLE, parts.len(), |index| {
                load(cx, parts[index], part(types, parts[index], bytes, &mut offset))
            })
        }
        InterfaceType::Flags(index) => {
            let width = flag_width(types[index].names.len());
            let words: Vec<u32> = bytes.chunks(width).map(|word| number(word) as u32).collect();
            flags(cx, ty, &words)
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => resource(cx, ty, number(&bytes[..4]) as u32),
        _ => match scalar(ty, 0) {
            Some(_) => scalar(ty, number(bytes)).ok_or_else(mismatch)?.map(Filled),
            None => {
                let cases = Cases::of(types, ty)?;
                let number = number(&bytes[..width(cases.info)]) as u32;
                let payload = &bytes[cases.info.payload_offset32 as usize..];
                cases.fill(cx, number, |cx, ty| load(cx, ty, &payload[..types.canonical_abi(&ty).size32 as usize]))
            }
        },
    }
}

/// The bytes of the next field.
fn part<'b>(types: &ComponentTypes, ty: InterfaceType, bytes: &'b [u8], offset: &mut usize) -> &'b [u8] {
    let abi = types.canonical_abi(&ty);
    let start = abi.next_field32_size(offset);
    &bytes[start..start + abi.size32 as usize]
}

fn charge_record(cx: &mut LiftContext<'_>, names: impl ExactSizeIterator<Item = usize>) -> Result<(), Error> {
    cx.consume_fuel_array(names.len(), size_of::<bhx_field>())?;
    cx.consume_fuel(names.sum())
}

/// A type with cases: which name and payload the nth has.
struct Cases<'a> {
    ty: InterfaceType,
    types: &'a ComponentTypes,
    info: &'a VariantInfo,
    abi: &'a CanonicalAbiInfo,
    count: usize,
}

impl<'a> Cases<'a> {
    fn of(types: &'a ComponentTypes, ty: InterfaceType) -> Result<Cases<'a>, Error> {
        let (info, abi, count) = match ty {
            InterfaceType::Variant(index) => (&types[index].info, &types[index].abi, types[index].cases.len()),
            InterfaceType::Enum(index) => (&types[index].info, &types[index].abi, types[index].names.len()),
            InterfaceType::Option(index) => (&types[index].info, &types[index].abi, 2),
            InterfaceType::Result(index) => (&types[index].info, &types[index].abi, 2),
            _ => return Err(Error::msg("a value of this type cannot be returned")),
        };
        Ok(Cases { ty, types, info, abi, count })
    }

    fn fill(
        &self,
        cx: &mut LiftContext<'_>,
        number: u32,
        payload: impl FnOnce(&mut LiftContext<'_>, InterfaceType) -> Result<Filled, Error>,
    ) -> Result<Filled, Error> {
        let index = number as usize;
        if index >= self.count {
            return Err(Error::msg(format!("discriminant {number} out of range [0..{})", self.count)));
        }
        cx.consume_fuel(size_of::<bhx_value>())?;
        let carried = |ty: Option<InterfaceType>| ty.map(|ty| payload(cx, ty)).transpose();
        match self.ty {
            InterfaceType::Variant(ty) => {
                let (name, ty) = self.types[ty].cases.get_index(index).ok_or_else(mismatch)?;
                let payload = carried(*ty)?;
                Filled::case(kind::VARIANT, name, payload)
            }
            InterfaceType::Enum(ty) => Filled::case(kind::ENUM, &self.types[ty].names[index], None),
            InterfaceType::Option(ty) => Filled::option(carried((index == 1).then_some(self.types[ty].ty))?),
            InterfaceType::Result(ty) => {
                let ty = &self.types[ty];
                Filled::outcome(index == 1, carried(if index == 1 { ty.err } else { ty.ok })?)
            }
            _ => Err(mismatch()),
        }
    }
}

fn flags(cx: &mut LiftContext<'_>, ty: InterfaceType, words: &[u32]) -> Result<Filled, Error> {
    let InterfaceType::Flags(ty) = ty else { return Err(mismatch()) };
    let names = &cx.types[ty].names;
    let is_set = |bit: usize| words.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 == 1);
    let set: Vec<&str> = names.iter().enumerate().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| &**name).collect();
    cx.consume_fuel_array(set.len(), size_of::<*const u8>())?;
    cx.consume_fuel(set.iter().map(|name| name.len()).sum())?;
    Filled::flags(set.into_iter())
}

fn resource(cx: &mut LiftContext<'_>, ty: InterfaceType, number: u32) -> Result<Filled, Error> {
    cx.consume_fuel(size_of::<ResourceAny>())?;
    let owned = matches!(ty, InterfaceType::Own(_));
    if ResourceDynamic::typecheck(&ty, &cx.instance_type()).is_ok() {
        let handle = ResourceDynamic::linear_lift_from_flat(cx, ty, &ValRaw::u32(number))?;
        return Filled::host_resource(&HostHandle { kind: handle.ty(), number: handle.rep(), owned });
    }
    if !owned {
        return Err(Error::msg("a handle that is only lent, of a resource that is not the program's"));
    }
    Filled::resource(kind::OWN, ResourceAny::linear_lift_from_flat(cx, ty, &ValRaw::u32(number))?)
}

/// A string or list by its address and count.
fn block(cx: &mut LiftContext<'_>, ty: InterfaceType, address: usize, count: usize) -> Result<Filled, Error> {
    let InterfaceType::List(list) = ty else { return string(cx, ty, address, count) };
    let element = cx.types[list].element;
    let bytes = list_bytes(cx, list, address, count)?;
    if matches!(element, InterfaceType::U8) {
        cx.consume_fuel(count)?;
        return Filled::block(kind::BYTES, bytes);
    }
    cx.consume_fuel_array(count, size_of::<bhx_value>())?;
    let size = cx.types.canonical_abi(&element).size32 as usize;
    Filled::items(kind::LIST, count, |index| load(cx, element, &bytes[index * size..][..size]))
}

fn list_bytes<'a>(cx: &LiftContext<'a>, list: TypeListIndex, address: usize, count: usize) -> Result<&'a [u8], Error> {
    let abi = cx.types.canonical_abi(&cx.types[list].element);
    let size = count.checked_mul(abi.size32 as usize);
    let bytes = size.and_then(|size| cx.memory().get(address..)?.get(..size));
    let bytes = bytes.ok_or_else(|| Error::msg("list pointer/length out of bounds of memory"))?;
    if !address.is_multiple_of(abi.align32 as usize) {
        return Err(Error::msg("list pointer is not aligned"));
    }
    Ok(bytes)
}

fn string(cx: &mut LiftContext<'_>, ty: InterfaceType, address: usize, count: usize) -> Result<Filled, Error> {
    if cx.options().string_encoding != StringEncoding::Utf8 {
        let slots = [ValRaw::u32(address as u32), ValRaw::u32(count as u32)];
        return Filled::block(kind::STRING, String::linear_lift_from_flat(cx, ty, &slots)?.as_bytes());
    }
    let bytes = cx.memory().get(address..).and_then(|from| from.get(..count));
    let bytes = bytes.ok_or_else(|| Error::msg("string pointer/length out of bounds of memory"))?;
    cx.consume_fuel(count)?;
    utf8(bytes).ok_or_else(not_utf8)?;
    Filled::block(kind::STRING, bytes)
}
