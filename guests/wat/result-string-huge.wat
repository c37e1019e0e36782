;; Returns a string of 4 GiB less one byte.
(component
    (core module $module
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\ff\ff\ff\ff")
        (func (export "run") (result i32) (i32.const 0))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result string)
        (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
)
