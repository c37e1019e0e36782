;; Computes for ever after it has returned its result.
(component
    (core module $module
        (func (export "run") (result i32) (i32.const 7))
        (func (export "post") (param i32)
            (loop $again
                (br $again)))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result u32)
        (canon lift (core func $instance "run") (post-return (core func $instance "post"))))
)
