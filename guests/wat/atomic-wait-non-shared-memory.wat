;; Waits for a change of memory that nobody else can change.
;; Needs: threads
(component
    (core module $module
        (memory 1)
        (func (export "run")
            (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
