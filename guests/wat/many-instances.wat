;; Asks for 1,100 core instances: a component within a component within a component.
(component
    (component $ten
        (core module $module)
        (core instance (instantiate $module)) (core instance (instantiate $module))
        (core instance (instantiate $module)) (core instance (instantiate $module))
        (core instance (instantiate $module)) (core instance (instantiate $module))
        (core instance (instantiate $module)) (core instance (instantiate $module))
        (core instance (instantiate $module)) (core instance (instantiate $module))
    )
    (component $hundred
        (alias outer 1 $ten (component $ten))
        (instance (instantiate $ten)) (instance (instantiate $ten))
        (instance (instantiate $ten)) (instance (instantiate $ten))
        (instance (instantiate $ten)) (instance (instantiate $ten))
        (instance (instantiate $ten)) (instance (instantiate $ten))
        (instance (instantiate $ten)) (instance (instantiate $ten))
    )
    (instance (instantiate $hundred)) (instance (instantiate $hundred))
    (instance (instantiate $hundred)) (instance (instantiate $hundred))
    (instance (instantiate $hundred)) (instance (instantiate $hundred))
    (instance (instantiate $hundred)) (instance (instantiate $hundred))
    (instance (instantiate $hundred)) (instance (instantiate $hundred))
    (instance (instantiate $hundred))

    (core module $module (func (export "run")))
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
