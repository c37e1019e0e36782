;; Adds, and has a megabyte of memory, of which it writes a word: what most guests are like.
(component
    (core module $module
        (memory 16)
        (data (i32.const 1024) "constants")
        (func (export "add") (param i32 i32) (result i32)
            (i32.store (i32.const 60000) (local.get 0))
            (i32.add (local.get 0) (local.get 1)))
    )
    (core instance $instance (instantiate $module))
    (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $instance "add")))
)
