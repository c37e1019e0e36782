;; Allocates garbage-collected objects without end and keeps them all.
;; Needs: gc
(component
    (core module $module
        (type $block (array i64))
        (type $node (struct (field (ref null $node)) (field (ref $block))))
        (global $all (mut (ref null $node)) (ref.null $node))
        (func (export "run")
            (loop $again
                (global.set $all
                    (struct.new $node
                        (global.get $all)
                        (array.new_default $block (i32.const 1024))))
                (br $again)))
    )
    (core instance $instance (instantiate $module))
    (func (export "run") (canon lift (core func $instance "run")))
)
