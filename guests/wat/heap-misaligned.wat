;; An atomic access to an address that is not aligned.
;; Needs: threads
(component
    (core module $module
        (memory 1)
        (func (export "run")
            (drop (i32.atomic.load (i32.const 1))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
