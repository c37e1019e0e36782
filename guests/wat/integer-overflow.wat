;; Divides the smallest integer by -1.
(component
    (core module $module
        (global $minus-one (mut i32) (i32.const -1))
        (func (export "run")
            (drop (i32.div_s (i32.const 0x80000000) (global.get $minus-one))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
