;; Computes for ever when the host asks it for memory for an argument.
(component
    (core module $module
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop $again (br $again)) unreachable)
        (func (export "run") (param i32 i32))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (param "v" string)
        (canon lift (core func $instance "run")
            (memory (core memory $instance "memory"))
            (realloc (core func $instance "realloc"))))
)
