module github.com/virt-test/virt-test/bindings/go

go 1.19
