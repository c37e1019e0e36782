;; Returns its result at an address past the end of its memory.
(component
    (core module $module
        (memory (export "memory") 1)
        (func (export "run") (result i32) (i32.const 65532))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result string)
        (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
)
