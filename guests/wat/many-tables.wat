;; Asks for 200 tables: a module with 20 of them, ten times.
(component
    (core module $tables
        (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
        (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
        (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
        (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
    )
    (core instance (instantiate $tables)) (core instance (instantiate $tables))
    (core instance (instantiate $tables)) (core instance (instantiate $tables))
    (core instance (instantiate $tables)) (core instance (instantiate $tables))
    (core instance (instantiate $tables)) (core instance (instantiate $tables))
    (core instance (instantiate $tables)) (core instance (instantiate $tables))

    (core module $module (func (export "run")))
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
