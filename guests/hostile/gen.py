#!/usr/bin/env python3
"""Writes malformed and extreme inputs, each file named by what it is.

    gen.py OUTDIR [SEED]

OUTDIR/index.tsv says of each file what must happen:
    refused   loading or instantiating it fails with an error
    traps     its export "run" traps
    runs      its export "run" returns
    any       any of these, as long as the host survives within its limits
The output depends on the seed (1 unless given) and nothing else.
"""
import random
import sys
from pathlib import Path

CORE = b"\0asm\x01\0\0\0"
COMPONENT = b"\0asm\x0d\0\x01\0"

# Sections of a component, and of a core module
C_MODULE, C_CORE_INSTANCE, C_COMPONENT, C_INSTANCE, C_ALIAS, C_TYPE, C_CANON, C_IMPORT, C_EXPORT = (
    1, 2, 4, 5, 6, 7, 8, 10, 11)
M_TYPE, M_IMPORT, M_FUNC, M_TABLE, M_MEMORY, M_EXPORT, M_START, M_CODE, M_DATA = 1, 2, 3, 4, 5, 7, 8, 10, 11

U8 = b"\x7d"
NO_FUNC = b"\x40\x00\x01\x00"  # the component type (func)


def leb(n):
    out = bytearray()
    while True:
        byte, n = n & 0x7F, n >> 7
        out.append(byte | (0x80 if n else 0))
        if not n:
            return bytes(out)


def type_index(n):
    """A type's index where a value type stands: a signed number, for the negative ones are built in."""
    out = bytearray()
    while n > 0x3F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def vec(items):
    items = list(items)
    return leb(len(items)) + b"".join(items)


def name(text):
    data = text if isinstance(text, bytes) else text.encode()
    return leb(len(data)) + data


def section(number, body):
    return bytes([number]) + leb(len(body)) + body


def custom(title, body):
    return section(0, name(title) + body)


def module(*sections):
    return CORE + b"".join(sections)


def component(*sections):
    return COMPONENT + b"".join(sections)


def code(*bodies):
    return section(M_CODE, vec(leb(len(b)) + b for b in bodies))


def simple_module(body=b"\x00\x0b", extra=b"", tail=b""):
    """A core module with one function () -> (), exported as "run"; body: locals and instructions."""
    return module(section(M_TYPE, b"\x01\x60\0\0"), section(M_FUNC, b"\x01\0"), extra,
                  section(M_EXPORT, vec([name("run") + b"\0\0"])), code(body), tail)


def lifted(core):
    """Sections that instantiate a core module and lift its "run" as component function 0 of type 0."""
    return [section(C_MODULE, core),
            section(C_CORE_INSTANCE, b"\x01\0\0\0"),
            section(C_ALIAS, b"\x01" + b"\0\0" + b"\x01\0" + name("run")),
            section(C_TYPE, b"\x01" + NO_FUNC),
            section(C_CANON, b"\x01\0\0\0\0\0")]


def runnable(core, export="run"):
    """A component around such a module."""
    return component(*lifted(core), section(C_EXPORT, vec([b"\0" + name(export) + b"\x01\0\0"])))


def import_func(label, index):
    return b"\0" + name(label) + b"\x01" + leb(index)


def nested_components(levels):
    # From the heads alone: copying what is inside once for each level takes seconds where there are many.
    heads, size = [component()], len(component())
    for _ in range(levels):
        heads.append(COMPONENT + bytes([C_COMPONENT]) + leb(size))
        size += len(heads[-1])
    return b"".join(reversed(heads))


def nested_types(levels, wrap):
    """Type 0 wraps a u8, every further one the type before it; a function takes the last."""
    types = [wrap(U8)] + [wrap(type_index(i)) for i in range(levels - 1)]
    types.append(b"\x40" + vec([name("v") + type_index(levels - 1)]) + b"\x01\x00")
    return component(section(C_TYPE, vec(types)), section(C_IMPORT, vec([import_func("f", levels)])))


def type_bomb(levels, width):
    """Tuples of tuples: width to the power of levels members in the end."""
    types = [b"\x6f" + vec([U8] * width)]
    types += [b"\x6f" + vec([type_index(i)] * width) for i in range(levels - 1)]
    types.append(b"\x40" + vec([name("v") + type_index(levels - 1)]) + b"\x01\x00")
    return component(section(C_TYPE, vec(types)), section(C_IMPORT, vec([import_func("f", levels)])))


def instance_bomb(levels, width):
    """Components that instantiate the one before them so many times."""
    inner = component(section(C_MODULE, module()),
                      section(C_CORE_INSTANCE, vec([b"\0\0\0"] * width)))
    for _ in range(levels - 1):
        inner = component(section(C_COMPONENT, inner),
                          section(C_INSTANCE, vec([b"\0\0\0"] * width)))
    return inner


def nested_instance_types(levels):
    # (type (instance (type <inner>) (export "a" (instance (type 0))))), and (type (instance)) in the middle
    inner = b"\x42\x02\x01" * levels + b"\x42\0" + (b"\x04\0" + name("a") + b"\x05\0") * levels
    return component(section(C_TYPE, b"\x01" + inner))


def text_component(head, export):
    return f"""(component
  (core module $module
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "take") (param i32))
    (func (export "make") (result i32) (i32.const 1))
    (func (export "run"))
    (func (export "start") (result i32) (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) (i32.const 0))
  )
  (core instance $instance (instantiate $module))
  {head}
  {export}
)
"""


def lift(function, options=""):
    return f'(canon lift (core func $instance "{function}"){options})'


def adapter_bomb(levels, width):
    """One component passes another a value of width to the power of levels members: much code for a small file."""
    types = f"(type $t1 (tuple {'u8 ' * width}))" + "".join(
        f" (type $t{i} (tuple {f'$t{i - 1} ' * width}))" for i in range(2, levels + 1))
    f = f'(func $f (param "v" $t{levels}))'
    return f"""(component
  (component $callee
    {types}
    (core module $module
      (memory (export "memory") 64)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))
      (func (export "f") (param i32)))
    (core instance $instance (instantiate $module))
    (func (export "f") (param "v" $t{levels}) (canon lift (core func $instance "f")
      (memory (core memory $instance "memory")) (realloc (core func $instance "realloc")))))
  (component $caller
    {types}
    (import "f" {f})
    (core module $memory (memory (export "memory") 64))
    (core instance $memory (instantiate $memory))
    (core func $f (canon lower (func $f) (memory (core memory $memory "memory"))))
    (core module $module
      (import "" "f" (func $f (param i32)))
      (func (export "run") (call $f (i32.const 8))))
    (core instance $instance (instantiate $module (with "" (instance (export "f" (func $f))))))
    (func (export "run") (canon lift (core func $instance "run"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
  (func (export "run") (alias export $caller "run")))
"""


def concurrency():
    """Types and functions of the component model's concurrency, which the host has switched off."""
    for what, ty in (("future", "(future u8)"), ("stream", "(stream u8)"), ("error-context", "error-context"),
                     ("future-without-type", "(future)"), ("future-in-list", "(list $future)"),
                     ("stream-of-futures", "(stream $future)")):
        head = ("(type $future (future u8)) " if "$future" in ty else "") + f"(type $t {ty})"
        yield f"type-{what}.wat", text_component(head, f'(export "t" (type $t))')
        if "list" not in what:  # "take" and "make" pass one core value, a list would be two
            used = "$t" if ty.startswith("(") else ty
            yield (f"export-takes-{what}.wat",
                   text_component(head, f'(func (export "run") (param "v" {used}) {lift("take")})'))
            yield (f"export-gives-{what}.wat",
                   text_component(head, f'(func (export "run") (result {used}) {lift("make")})'))
    yield ("async-lifted-export.wat",
           text_component("", f'(func (export "run") async {lift("run", " async")})'))
    yield ("async-lifted-export-callback.wat",
           text_component("", '(func (export "run") async '
                          + lift("start", ' async (callback (core func $instance "callback"))') + ")"))
    yield ("async-typed-export-lifted-synchronously.wat",
           text_component("", f'(func (export "run") async {lift("run")})'))
    for what in ("task.cancel", "subtask.drop", "subtask.cancel", "waitable-set.new", "waitable-set.drop",
                 "waitable.join", "backpressure.inc", "context.get i32 0", "thread.yield", "thread.index"):
        yield (f"builtin-{what.split()[0].replace('.', '-')}.wat",
               text_component(f"(core func (canon {what}))", f'(func (export "run") {lift("run")})'))


def inputs(rng):
    # Not WebAssembly at all
    yield "empty.wasm", "refused", "no byte at all", b""
    yield "text-garbage.wasm", "refused", "a sentence", b"This is not a component, it is a sentence.\n" * 10
    yield "elf.wasm", "refused", "the start of an ELF program", (
        b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\x01\0\0\0" + bytes(4000))
    yield "zeros-1mib.wasm", "refused", "1 MiB of zeros", bytes(1 << 20)
    yield "text-deep-parentheses.wat", "refused", "a million opening parentheses", b"(" * 1_000_000
    yield "text-deep-components.wat", "refused", "10,000 components within each other, as text", (
        b"(component " * 10_000 + b")" * 10_000)
    yield "text-deep-instructions.wat", "any", "a folded instruction, 100,000 deep", (
        b'(component (core module (func (export "run") (drop '
        + b"(i32.add (i32.const 1) " * 100_000 + b"(i32.const 1)" + b")" * 100_000 + b"))))")
    yield "text-not-utf8.wat", "refused", "text with bytes that are not UTF-8", (
        b'(component (import "\xff\xfe" (func)))')

    # Preambles
    yield "magic-only.wasm", "refused", "four bytes of magic and no version", b"\0asm"
    yield "version-unknown.wasm", "refused", "a core module of version 255", b"\0asm\xff\0\0\0"
    yield "component-version-old.wasm", "refused", "a component of an early version", b"\0asm\x0a\0\x01\0"
    yield "layer-unknown.wasm", "refused", "neither module nor component", b"\0asm\x0d\0\x02\0"
    yield "component-empty.wasm", "any", "a component with nothing in it", component()

    # Core modules where a component is needed
    yield "core-without-imports.wasm", "refused", "a core module that imports nothing", simple_module()
    yield "core-unknown-imports.wasm", "refused", "a core module with imports that no host has", module(
        section(M_TYPE, b"\x01\x60\0\0"),
        section(M_IMPORT, vec([name("env") + name("mystery") + b"\0\0", name("nowhere") + name("f") + b"\0\0"])))
    yield "start-not-there.wasm", "refused", "a module whose start function does not exist", component(
        section(C_MODULE, module(section(M_START, b"\x07"))))

    # Too much of one thing
    yield "imports-100000.wasm", "refused", "100,000 imports", component(
        section(C_TYPE, b"\x01" + NO_FUNC),
        section(C_IMPORT, vec(import_func(f"f{i}", 0) for i in range(100_000))))
    yield "exports-100000.wasm", "any", "100,000 exports", component(
        *lifted(simple_module()),
        section(C_EXPORT, vec([b"\0" + name("run") + b"\x01\0\0"]
                              + [b"\0" + name(f"f{i}") + b"\x01\0\0" for i in range(99_999)])))
    yield "core-exports-100000.wasm", "any", "a core module with 100,000 exports", runnable(module(
        section(M_TYPE, b"\x01\x60\0\0"), section(M_FUNC, b"\x01\0"),
        section(M_EXPORT, vec([name("run") + b"\0\0"] + [name(f"f{i}") + b"\0\0" for i in range(99_999)])),
        code(b"\0\x0b")))
    for count in (10_000, 100_000):
        yield f"core-functions-{count}.wasm", "any", f"a core module with {count} functions", runnable(module(
            section(M_TYPE, b"\x01\x60\0\0"), section(M_FUNC, vec([b"\0"] * count)),
            section(M_EXPORT, vec([name("run") + b"\0\0"])), code(*[b"\0\x0b"] * count)))
    yield "core-types-1000001.wasm", "refused", "one type more than a module may have", runnable(module(
        section(M_TYPE, vec([b"\x60\0\0"] * 1_000_001))))
    yield "custom-sections-100000.wasm", "any", "100,000 custom sections", runnable(simple_module()) + (
        custom("x", b"") * 100_000)
    yield "same-export-twice.wasm", "refused", "two exports of one name", component(
        *lifted(simple_module()), section(C_EXPORT, vec([b"\0" + name("run") + b"\x01\0\0"] * 2)))
    yield "core-rec-group-100000.wasm", "any", "100,000 types that may refer to each other", runnable(module(
        section(M_TYPE, b"\x02\x60\0\0\x4e" + vec([b"\x60\0\0"] * 100_000)), section(M_FUNC, b"\x01\0"),
        section(M_EXPORT, vec([name("run") + b"\0\0"])), code(b"\0\x0b")))
    yield "core-subtypes-1000-deep.wasm", "refused", "a chain of 1,000 subtypes", runnable(module(
        section(M_TYPE, vec([b"\x60\0\0", b"\x50\0\x5f\0"]
                            + [b"\x50\x01" + leb(i) + b"\x5f\0" for i in range(1, 1_000)])),
        section(M_FUNC, b"\x01\0"), section(M_EXPORT, vec([name("run") + b"\0\0"])), code(b"\0\x0b")))
    yield "locals-4-billion.wasm", "refused", "a function with 4,294,967,295 locals", runnable(
        simple_module(b"\x01" + leb(0xFFFFFFFF) + b"\x7f\x0b"))
    yield "locals-50000.wasm", "any", "a function with 50,000 locals", runnable(
        simple_module(b"\x01" + leb(50_000) + b"\x7f\x0b"))
    yield "function-1-million-instructions.wasm", "any", "a function of a million instructions", runnable(
        simple_module(b"\0" + b"\x41\x01\x1a" * 500_000 + b"\x0b"))
    yield "blocks-100000-deep.wasm", "any", "100,000 blocks within each other", runnable(
        simple_module(b"\0" + b"\x02\x40" * 100_000 + b"\x0b" * 100_000 + b"\x0b"))
    yield "br-table-100000.wasm", "any", "a jump table of 100,000 entries", runnable(
        simple_module(b"\0\x02\x40\x41\0\x0e" + leb(100_000) + b"\0" * 100_001 + b"\x0b\x0b"))

    # Too deep
    for levels in (100, 1_000, 10_000):
        yield f"components-{levels}-deep.wasm", "any", f"{levels} components within each other", (
            nested_components(levels))
        yield f"types-list-{levels}-deep.wasm", "refused", f"a list of lists, {levels} deep", nested_types(
            levels, lambda t: b"\x70" + t)
        yield f"types-option-{levels}-deep.wasm", "refused", f"an option of options, {levels} deep", nested_types(
            levels, lambda t: b"\x6b" + t)
        yield f"instance-types-{levels}-deep.wasm", "any", f"instance types within each other, {levels} deep", (
            nested_instance_types(levels))

    # Small files that unfold
    yield "type-bomb.wasm", "refused", "tuples of tuples: 10^10 members", type_bomb(10, 10)
    yield "type-bomb-small.wasm", "refused", "tuples of tuples: 10^4 members", type_bomb(4, 10)
    for levels in (4, 6, 9):
        yield f"instance-bomb-10-to-the-{levels}.wasm", "refused", f"10^{levels} instances of an empty module", (
            instance_bomb(levels, 10))

    yield "adapter-bomb.wat", "any", "one component passes another 10^5 numbers in one value", (
        adapter_bomb(5, 10).encode())

    # Sizes that lie
    yield "section-4gib.wasm", "refused", "a section that claims 4 GiB", COMPONENT + b"\x01" + leb(0xFFFFFFFF) + CORE
    yield "count-4-billion.wasm", "refused", "a section that claims 4,294,967,295 types", COMPONENT + section(
        C_TYPE, leb(0xFFFFFFFF))
    yield "name-4gib.wasm", "refused", "an import whose name claims 4 GiB", component(
        section(C_TYPE, b"\x01" + NO_FUNC), section(C_IMPORT, b"\x01\0" + leb(0xFFFFFFFF) + b"f\x01\0"))
    yield "leb-too-long.wasm", "refused", "a section size of eleven bytes", COMPONENT + b"\x01" + b"\x80" * 10 + b"\0"
    yield "leb-overflow.wasm", "refused", "a section size of 35 bits", COMPONENT + b"\x01" + b"\xff\xff\xff\xff\x7f"
    yield "leb-unfinished.wasm", "refused", "a section size that never ends", COMPONENT + b"\x01" + b"\xff\xff"
    yield "custom-section-4gib.wasm", "refused", "a custom section that claims 4 GiB", runnable(simple_module()) + (
        b"\0" + leb(0xFFFFFFFF) + name("x"))
    yield "data-1gib-declared.wasm", "refused", "a data segment that claims 1 GiB and holds 16 bytes", runnable(
        simple_module(extra=section(M_MEMORY, b"\x01\0\x01"),
                      tail=section(M_DATA, b"\x01\0\x41\0\x0b" + leb(1 << 30) + bytes(16))))
    yield "data-past-the-end.wasm", "refused", "data at address 4,294,967,295", runnable(
        simple_module(extra=section(M_MEMORY, b"\x01\0\x01"),
                      tail=section(M_DATA, b"\x01\0\x41\x7f\x0b" + name(b"abcd"))))

    # Sizes that are meant
    yield "memory-4gib.wasm", "refused", "a memory of 4 GiB from the start", runnable(
        simple_module(extra=section(M_MEMORY, b"\x01\0" + leb(65536))))
    yield "memory-more-than-4gib.wasm", "refused", "a memory of more pages than there are", runnable(
        simple_module(extra=section(M_MEMORY, b"\x01\0" + leb(65537))))
    yield "memory64-huge.wasm", "refused", "a 64-bit memory of 2^47 pages", runnable(
        simple_module(extra=section(M_MEMORY, b"\x01\x04" + leb(1 << 47))))
    yield "memories-101.wasm", "refused", "101 memories of one page", runnable(
        simple_module(extra=section(M_MEMORY, vec([b"\0\x01"] * 101))))
    yield "table-10-million.wasm", "refused", "a table of 10,000,000 elements from the start", runnable(
        simple_module(extra=section(M_TABLE, b"\x01\x70\0" + leb(10_000_000))))
    yield "table-4-billion.wasm", "refused", "a table of 4,294,967,295 elements from the start", runnable(
        simple_module(extra=section(M_TABLE, b"\x01\x70\0" + leb(0xFFFFFFFF))))

    # Names
    yield "import-name-not-utf8.wasm", "refused", "an import whose name is not UTF-8", component(
        section(C_TYPE, b"\x01" + NO_FUNC), section(C_IMPORT, vec([import_func(b"a\xff\xfeb", 0)])))
    yield "export-name-not-utf8.wasm", "refused", "an export whose name is not UTF-8", runnable(
        simple_module(), b"a\xff\xfeb")
    yield "core-name-not-utf8.wasm", "refused", "a core export whose name is not UTF-8", runnable(module(
        section(M_TYPE, b"\x01\x60\0\0"), section(M_FUNC, b"\x01\0"),
        section(M_EXPORT, vec([name(b"a\xff\xfeb") + b"\0\0"])), code(b"\0\x0b")))
    yield "export-name-with-escapes.wasm", "refused", "an export name with control characters", runnable(
        simple_module(), "\x1b[31mred\x07")
    yield "export-name-1mib.wasm", "refused", "an export name of 1 MiB", runnable(simple_module(), "a" * (1 << 20))
    yield "trap-name-with-escapes.wasm", "traps", (
        "it traps in a function whose debug name holds control characters"), runnable(
        simple_module(b"\0\0\x0b", tail=custom("name", b"\x01" + name(
            vec([b"\0" + name("\x1b[2J\x1b[31mred\r\n\x07\u202egnp")])))))
    yield "trap-name-not-utf8.wasm", "traps", "it traps in a function whose debug name is not UTF-8", runnable(
        simple_module(b"\0\0\x0b", tail=custom("name", b"\x01" + name(vec([b"\0" + name(b"\xff\xfe")])))))
    yield "trap-name-1mib.wasm", "traps", "it traps in a function whose debug name is 1 MiB long", runnable(
        simple_module(b"\0\0\x0b", tail=custom("name", b"\x01" + name(vec([b"\0" + name("a" * (1 << 20))])))))
    yield "debug-info-garbage.wasm", "traps", "it traps, and its DWARF sections are noise", runnable(
        simple_module(b"\0\0\x0b", tail=b"".join(
            custom(s, rng.randbytes(4096)) for s in (".debug_info", ".debug_line", ".debug_abbrev", ".debug_str"))))

    for file, text in concurrency():
        yield file, "refused", "concurrency of the component model, which the host has switched off", text.encode()

    # Noise behind a good start
    for i in range(32):
        body = b"".join(section(rng.randrange(0, 13), rng.randbytes(rng.randrange(0, 64)))
                        for _ in range(rng.randrange(1, 8)))
        yield f"noise-{i:02}.wasm", "refused", "random sections behind a good preamble", (
            (CORE if i % 4 == 3 else COMPONENT) + body)


def main(argv):
    if len(argv) not in (2, 3):
        sys.exit("usage: gen.py OUTDIR [SEED]")
    out = Path(argv[1])
    rng = random.Random(int(argv[2]) if len(argv) > 2 else 1)
    out.mkdir(parents=True, exist_ok=True)
    lines = ["# file\tmust\twhat it is"]
    for file, must, what, data in inputs(rng):
        (out / file).write_bytes(data)
        lines.append(f"{file}\t{must}\t{what}")
    (out / "index.tsv").write_text("\n".join(lines) + "\n")
    print(f"{len(lines) - 1} files in {out}")


if __name__ == "__main__":
    main(sys.argv)
