;; Returns a string that reaches past the end of its memory.
(component
    (core module $module
        (memory (export "memory") 1)
        (data (i32.const 0) "\f0\ff\00\00\11\00\00\00")
        (func (export "run") (result i32) (i32.const 0))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result string)
        (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
)
