;; Allocates an array that no heap can hold.
;; Needs: gc
(component
    (core module $module
        (type $numbers (array i64))
        (func (export "run")
            (drop (array.new_default $numbers (i32.const 0xffffffff))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
