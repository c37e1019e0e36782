;; Grows its memory page by page until that is refused, and says how many pages it has.
(component
    (core module $module
        (memory 1)
        (func (export "run") (result i32)
            (loop $again
                (br_if $again
                    (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            (memory.size))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (result u32) (canon lift (core func $instance "run")))
)
