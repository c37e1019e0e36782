;; Returns its result at an address that is not aligned.
(component
    (core module $module
        (memory (export "memory") 1)
        (func (export "run") (result i32) (i32.const 1))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result string)
        (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
)
