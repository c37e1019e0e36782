;; Offers the host memory for an argument at an address that is not aligned.
(component
    (core module $module
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1))
        (func (export "run") (param i32 i32))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (param "v" (list u64))
        (canon lift (core func $instance "run")
            (memory (core memory $instance "memory"))
            (realloc (core func $instance "realloc"))))
)
