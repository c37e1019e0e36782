;; Returns a string whose bytes are not UTF-8.
(component
    (core module $module
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\04\00\00\00ab\ff\fe")
        (func (export "run") (result i32) (i32.const 0))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result string)
        (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
)
