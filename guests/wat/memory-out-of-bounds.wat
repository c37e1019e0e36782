;; Reads past the end of its memory.
(component
    (core module $module
        (memory 1)
        (func (export "run")
            (drop (i32.load (i32.const 0xfffffff0))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
