#!/usr/bin/env python3
"""Writes small inputs that unfold into more than any machine holds, and some that come close.

    bombs.py OUTDIR

The same index.tsv as gen.py's. What the numbers in names are: levels, or counts. Each of those that must be refused
took an engine without a look beforehand gigabytes, minutes, or made it abort.
"""
import sys
from pathlib import Path

from gen import (
    C_ALIAS, C_CANON, C_COMPONENT, C_CORE_INSTANCE, C_EXPORT, C_IMPORT, C_INSTANCE, C_MODULE, C_TYPE, M_CODE, M_EXPORT,
    M_FUNC, M_IMPORT, M_MEMORY, M_TYPE, NO_FUNC, code, component, custom, import_func, instance_bomb, leb, lifted, module,
    name, nested_components, nested_instance_types, section, simple_module, type_bomb, vec)

TYPE, COMPONENT, INSTANCE = b"\x03", b"\x04", b"\x05"  # sorts
INSTANTIATE_FIRST = b"\0\0\0"  # component or module 0, no arguments
ELEMENTS = 9


def instance_type_chain(levels):
    """Instance types that each hold the one before them, by index: no nesting that a reader would see."""
    types = [b"\x42\0"]
    for i in range(levels):
        outer_alias = b"\x02" + TYPE + b"\x02\x01" + leb(i)
        types.append(b"\x42\x02" + outer_alias + b"\x04\0" + name("a") + INSTANCE + b"\0")
    return component(section(C_TYPE, vec(types)))


def instances_by_outer_alias(levels, width):
    """Components that each instantiate the one before them so many times, which is their neighbour."""
    body = [section(C_COMPONENT, component(section(C_MODULE, module()),
                                           section(C_CORE_INSTANCE, vec([INSTANTIATE_FIRST] * width))))]
    for level in range(1, levels):
        alias = section(C_ALIAS, vec([COMPONENT + b"\x02\x01" + leb(level - 1)]))
        body.append(section(C_COMPONENT, component(alias, section(C_INSTANCE, vec([INSTANTIATE_FIRST] * width)))))
    return component(*body, section(C_INSTANCE, vec([b"\0" + leb(levels - 1) + b"\0"])))


def instances_by_export(levels, width):
    """The same through exports, which give what is exported another index."""
    inner = component(section(C_MODULE, module()), section(C_CORE_INSTANCE, vec([INSTANTIATE_FIRST] * width)))
    for _ in range(levels - 1):
        inner = component(section(C_COMPONENT, inner),
                          section(C_EXPORT, vec([b"\0" + name("c") + COMPONENT + b"\0\0"])),
                          section(C_INSTANCE, vec([b"\0\x01\0"] * width)))
    return inner


def instances_by_import(width):
    """A component that instantiates what it is given, so many times: it is given one that has many itself."""
    many = component(section(C_MODULE, module()), section(C_CORE_INSTANCE, vec([INSTANTIATE_FIRST] * width)))
    taker = component(section(C_TYPE, b"\x01\x41\0"),
                      section(C_IMPORT, vec([b"\0" + name("c") + COMPONENT + b"\0"])),
                      section(C_INSTANCE, vec([INSTANTIATE_FIRST] * width)))
    return component(section(C_COMPONENT, many), section(C_COMPONENT, taker),
                     section(C_INSTANCE, vec([b"\0\x01" + vec([name("c") + COMPONENT + b"\0"])])))


def bags(levels, *more):
    """Instances that each hold the one before them twice."""
    bag = [b"\x01" + vec([b"\0" + name("f") + b"\x01\0"])]
    for i in range(levels):
        bag.append(b"\x01" + vec([b"\0" + name(n) + INSTANCE + leb(i) for n in ("a", "b")]))
    return component(*lifted(simple_module()), section(C_INSTANCE, vec(bag)), *more)


def bags_through_components(levels):
    """The same by components that export what they import twice."""
    doubler = component(section(C_TYPE, b"\x01\x42\0"),
                        section(C_IMPORT, vec([b"\0" + name("i") + INSTANCE + b"\0"])),
                        section(C_EXPORT, vec([b"\0" + name(n) + INSTANCE + b"\0\0" for n in ("a", "b")])))
    made = [b"\x01" + vec([b"\0" + name("f") + b"\x01\0"])]
    made += [b"\0\0" + vec([name("i") + INSTANCE + leb(i)]) for i in range(levels)]
    return component(*lifted(simple_module()), section(C_COMPONENT, doubler), section(C_INSTANCE, vec(made)))


def lifts_unfolded(functions, instances):
    inner = component(*lifted(simple_module())[:4], section(C_CANON, vec([b"\0\0\0\0\0"] * functions)))
    return component(section(C_COMPONENT, inner), section(C_INSTANCE, vec([INSTANTIATE_FIRST] * instances)))


def components_in_components(width, levels):
    inner = component()
    for _ in range(levels):
        inner = component(*[section(C_COMPONENT, inner)] * width)
    return inner


def wasi_module(*more, imports=1):
    """A command for WASI 0.1: with modules wrapped, what stands in its custom sections is read."""
    write = name("wasi_snapshot_preview1") + name("fd_write") + b"\0\x01"
    return module(section(M_TYPE, vec([b"\x60\0\0", b"\x60\x04\x7f\x7f\x7f\x7f\x01\x7f"])),
                  section(M_IMPORT, vec([write] * imports)), section(M_FUNC, b"\x01\0"),
                  section(M_MEMORY, b"\x01\0\x01"),
                  section(M_EXPORT, vec([name("_start") + b"\0" + leb(imports), name("memory") + b"\x02\0"])),
                  code(b"\0\x0b"), *more)


def world(label, functions):
    """A component type as wit-bindgen leaves it in a module."""
    imports = b"".join(b"\x03\0" + name(f) + b"\x01\0" for f in functions)
    inner = b"\x41" + leb(1 + len(functions)) + b"\x01" + NO_FUNC + imports
    outer = b"\x41\x02\x01" + inner + b"\x04\0" + name(f"a:b/{label}") + COMPONENT + b"\0"
    return component(custom("wit-component-encoding", b"\x04\0"), section(C_TYPE, b"\x01" + outer),
                     section(C_EXPORT, vec([b"\0" + name(label) + TYPE + b"\0\0"])))


def old_format(binary):
    return b"\x03\0" + name("w") + binary


def core(*sections):
    return component(section(C_MODULE, module(*sections)), section(C_CORE_INSTANCE, vec([INSTANTIATE_FIRST])))


def inputs():
    for levels in (100, 126):
        yield f"instance-types-{levels}.wasm", "any", "as deep as the validator allows", nested_instance_types(levels)
        yield f"instance-type-chain-{levels}.wasm", "any", "the same by index", instance_type_chain(levels)
    for levels in (127, 128, 999):
        yield f"instance-types-{levels}.wasm", "refused", "deeper: the validator panics", nested_instance_types(levels)
    for levels in (127, 10_000):
        yield f"instance-type-chain-{levels}.wasm", "refused", "the same by index", instance_type_chain(levels)
    yield "outer-alias-3.wasm", "any", "10^3 instances by outer aliases", instances_by_outer_alias(3, 10)
    for levels in (5, 9):
        yield f"outer-alias-{levels}.wasm", "refused", f"10^{levels} instances", instances_by_outer_alias(levels, 10)
        yield f"export-{levels}.wasm", "refused", f"10^{levels} instances", instances_by_export(levels, 10)
    yield "import-100.wasm", "refused", "100 instances of a given component", instances_by_import(100)
    yield "bags-10.wasm", "any", "instances within instances: 2^10", bags(10)
    for levels in (16, 25):
        yield f"bags-{levels}.wasm", "refused", f"2^{levels}", bags(levels)
        yield f"bags-through-components-{levels}.wasm", "refused", f"2^{levels}", bags_through_components(levels)
    yield "bags-12-exported.wasm", "any", "2^12, exported", bags(
        12, section(C_EXPORT, vec([b"\0" + name("i") + INSTANCE + leb(12) + b"\0"])))
    yield "bags-14-aliased-900.wasm", "refused", "one of 2^14, taken out 900 times", bags(
        14, section(C_ALIAS, vec([INSTANCE + b"\0" + leb(14) + name("a")] * 900)))
    yield "lifts-1000-in-900.wasm", "any", "1,000 functions in each of 900 instances", lifts_unfolded(1_000, 900)
    yield "lifts-10000-in-900.wasm", "refused", "10,000 functions in each of 900 instances", lifts_unfolded(10_000, 900)
    yield "components-31x31.wasm", "any", "31 components in each of 31", components_in_components(31, 2)
    yield "components-300x300.wasm", "refused", "300 components in each of 300", components_in_components(300, 2)
    yield "modules-5000.wasm", "refused", "10 components of 500 modules", component(
        *[section(C_COMPONENT, component(*[section(C_MODULE, simple_module())] * 500))] * 10)

    # What is read only when the module is wrapped; unwrapped it is refused for being a module
    read = "component-type"
    for what, data in (
            ("instance-types-100", nested_instance_types(100)), ("instance-types-200", nested_instance_types(200)),
            ("instance-types-100000", nested_instance_types(100_000)), ("chain-10000", instance_type_chain(10_000)),
            ("components-10000", nested_components(10_000)), ("instances-10-to-the-9", instance_bomb(9, 10)),
            ("bags-25", bags(25)), ("types-10-to-the-10", type_bomb(10, 10)), ("good", world("w", ["f"])),
            ("10000-functions", world("w", [f"f{i}" for i in range(10_000)])), ("noise", b"\xff" * 100), ("empty", b"")):
        yield f"world-{what}.wasm", "refused", "a module's component type", wasi_module(custom(read, data))
        yield f"world-old-{what}.wasm", "refused", "the same in the old format", wasi_module(
            custom(read, old_format(data)))
    for count in (99, 10_000):
        yield f"worlds-{count}.wasm", "refused", "many component types in one module", wasi_module(
            *[custom(f"{read}:{i}", world(f"w{i}", [f"f{i}"])) for i in range(count)])
    for count in (100, 1_000_000):
        yield f"wasi-imports-{count}.wasm", "refused", "one import again and again", wasi_module(imports=count)
    yield "wasi-names.wasm", "refused", "a million names for one function", wasi_module(
        custom("name", b"\x01" + name(vec([b"\x01" + name("malloc")] * 1_000_000))))

    # Wide ones, for comparison: the cost is that of their size
    yield "imports-of-2-to-the-18.wasm", "any", "an import of an instance that holds 2^18", component(
        section(C_TYPE, vec([b"\x42\0"] + [
            b"\x42\x03\x02" + TYPE + b"\x02\x01" + leb(i) + b"\x04\0" + name("a") + INSTANCE + b"\0"
            + b"\x04\0" + name("b") + INSTANCE + b"\0" for i in range(18)])),
        section(C_IMPORT, vec([b"\0" + name("x") + INSTANCE + leb(18)])))
    yield "aliases-1000000.wasm", "any", "a million aliases", component(
        *lifted(simple_module())[:2], section(C_ALIAS, vec([b"\0\0\x01\0" + name("run")] * 1_000_000)))
    for count in (50_000, 500_000):
        yield f"import-functions-{count}.wasm", "refused", f"{count} imports", component(
            section(C_TYPE, b"\x01" + NO_FUNC), section(C_IMPORT, vec(import_func(f"f{i}", 0) for i in range(count))))
    for count in (1_000, 10_000):
        yield f"core-types-{count}.wasm", "any", f"{count} types, no two alike", core(section(M_TYPE, vec(
            b"\x60" + vec([b"\x7f" if i >> k & 1 else b"\x7e" for k in range(14)]) + b"\0" for i in range(count))))
    yield "core-elements-10000.wasm", "any", "10,000 elements for a table", core(
        section(M_TYPE, b"\x01\x60\0\0"), section(M_FUNC, b"\x01\0"),
        section(ELEMENTS, vec([b"\x01\0" + vec([b"\0"] * 10_000)])), code(b"\0\x0b"))
    yield "core-loops-1000.wasm", "any", "1,000 loops within each other", core(
        section(M_TYPE, b"\x01\x60\0\0"), section(M_FUNC, b"\x01\0"),
        section(M_CODE, vec([leb(3_002) + b"\0" + b"\x03\x40" * 1_000 + b"\x0b" * 1_001])))


def main(argv):
    if len(argv) != 2:
        sys.exit("usage: bombs.py OUTDIR")
    out = Path(argv[1])
    out.mkdir(parents=True, exist_ok=True)
    lines = ["# file\tmust\twhat it is"]
    for file, must, what, data in inputs():
        (out / file).write_bytes(data)
        lines.append(f"{file}\t{must}\t{what}")
    (out / "index.tsv").write_text("\n".join(lines) + "\n")
    print(f"{len(lines) - 1} files in {out}")


if __name__ == "__main__":
    main(sys.argv)
