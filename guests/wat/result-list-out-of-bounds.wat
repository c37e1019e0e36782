;; Returns a list that reaches past the end of its memory.
(component
    (core module $module
        (memory (export "memory") 1)
        (data (i32.const 0) "\f8\ff\00\00\02\00\00\00")
        (func (export "run") (result i32) (i32.const 0))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result (list u64))
        (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
)
