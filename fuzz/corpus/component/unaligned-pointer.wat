;; One component passes another a list at an address that is not aligned for its elements.
(component
    (component $callee
        (core module $module
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "f") (param i32 i32))
        )
        (core instance $instance (instantiate $module))
        (func (export "f") (param "v" (list u64))
            (canon lift (core func $instance "f")
                (memory (core memory $instance "memory"))
                (realloc (core func $instance "realloc"))))
    )
    (component $caller
        (import "f" (func $f (param "v" (list u64))))
        (core module $memory (memory (export "memory") 1))
        (core instance $memory (instantiate $memory))
        (core func $f (canon lower (func $f) (memory (core memory $memory "memory"))))
        (core module $module
            (import "" "f" (func $f (param i32 i32)))
            (func (export "run") (call $f (i32.const 9) (i32.const 1)))
        )
        (core instance $instance (instantiate $module
            (with "" (instance (export "f" (func $f))))))
        (func (export "run") (canon lift (core func $instance "run")))
    )
    (instance $callee (instantiate $callee))
    (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
    (func (export "run") (alias export $caller "run"))
)
