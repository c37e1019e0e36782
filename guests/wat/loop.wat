;; Counts to n: a call that takes as long, and as much fuel, as it is asked to.
(component
    (core module $module
        (func (export "run") (param $n i32) (result i32)
            (local $i i32)
            (block $done
                (loop $again
                    (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br $again)))
            (local.get $i))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $instance "run")))
)
