;; One component passes another a string that reaches past the end of its memory.
(component
    (component $callee
        (core module $module
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "f") (param i32 i32))
        )
        (core instance $instance (instantiate $module))
        (func (export "f") (param "v" string)
            (canon lift (core func $instance "f")
                (memory (core memory $instance "memory"))
                (realloc (core func $instance "realloc"))))
    )
    (component $caller
        (import "f" (func $f (param "v" string)))
        (core module $memory (memory (export "memory") 1))
        (core instance $memory (instantiate $memory))
        (core func $f (canon lower (func $f) (memory (core memory $memory "memory"))))
        (core module $module
            (import "" "f" (func $f (param i32 i32)))
            (func (export "run") (call $f (i32.const 65520) (i32.const 17)))
        )
        (core instance $instance (instantiate $module
            (with "" (instance (export "f" (func $f))))))
        (func (export "run") (canon lift (core func $instance "run")))
    )
    (instance $callee (instantiate $callee))
    (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
    (func (export "run") (alias export $caller "run"))
)
