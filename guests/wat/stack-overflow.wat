;; Calls itself without end; the work after the call keeps it from being a loop.
(component
    (core module $module
        (func $descend (param $depth i32) (result i32)
            (i32.add
                (call $descend (i32.add (local.get $depth) (i32.const 1)))
                (local.get $depth)))
        (func (export "run")
            (drop (call $descend (i32.const 0))))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
