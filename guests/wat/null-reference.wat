;; Reads a field of a null reference.
;; Needs: gc
(component
    (core module $module
        (type $pair (struct (field i32) (field i32)))
        (global $pair (mut (ref null $pair)) (ref.null $pair))
        (func (export "run")
            (drop (struct.get $pair 0 (global.get $pair))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
