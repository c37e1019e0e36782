;; Casts an array to a struct.
;; Needs: gc
(component
    (core module $module
        (type $numbers (array i32))
        (type $pair (struct (field i32) (field i32)))
        (func (export "run")
            (drop (ref.cast (ref $pair)
                (array.new_default $numbers (i32.const 4)))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
