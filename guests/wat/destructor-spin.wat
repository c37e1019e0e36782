;; A resource whose destructor computes for ever: "run" drops one itself, "make" leaves that to the host.
(component
    (core module $destructor
        (func (export "drop") (param i32)
            (loop $again
                (br $again)))
    )
    (core instance $destructor (instantiate $destructor))
    (type $thing (resource (rep i32) (dtor (core func $destructor "drop"))))
    (core func $new (canon resource.new $thing))
    (core func $drop (canon resource.drop $thing))
    (core module $module
        (import "" "new" (func $new (param i32) (result i32)))
        (import "" "drop" (func $drop (param i32)))
        (func (export "run") (call $drop (call $new (i32.const 1))))
        (func (export "make") (result i32) (call $new (i32.const 2)))
    )
    (core instance $instance (instantiate $module
        (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
    (export $exported "thing" (type $thing))
    (func (export "run") (canon lift (core func $instance "run")))
    (func (export "make") (result (own $exported)) (canon lift (core func $instance "make")))
)
