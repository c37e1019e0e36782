;; Calls its own export, which re-enters the component that is running.
(component
    (core module $inner (func (export "f")))
    (core instance $inner (instantiate $inner))
    (func $f (canon lift (core func $inner "f")))
    (core func $f (canon lower (func $f)))
    (core module $outer
        (import "" "f" (func $f))
        (func (export "run") (call $f))
    )
    (core instance $outer (instantiate $outer
        (with "" (instance (export "f" (func $f))))))
    (func (export "run") (canon lift (core func $outer "run")))
)
