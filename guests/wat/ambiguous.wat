;; Two interfaces export a function of the same name.
(component
    (core module $module
        (func (export "one") (result i32) (i32.const 1))
        (func (export "two") (result i32) (i32.const 2))
    )
    (core instance $instance (instantiate $module))
    (func $one (result u32) (canon lift (core func $instance "one")))
    (func $two (result u32) (canon lift (core func $instance "two")))
    (instance $first (export "number" (func $one)) (export "only-here" (func $one)))
    (instance $second (export "number" (func $two)))
    (export "test:ambiguous/first@1.0.0" (instance $first))
    (export "test:ambiguous/second@1.0.0" (instance $second))
)
