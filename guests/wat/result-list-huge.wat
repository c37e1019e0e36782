;; Returns a list of 2^31 elements.
(component
    (core module $module
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\00\00\00\80")
        (func (export "run") (result i32) (i32.const 0))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result (list u32))
        (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
)
