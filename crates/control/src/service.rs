//! `org.varlink.service`, which every varlink service has (<https://varlink.org/Service>).

use serde_json::{Value, json};

use crate::INTERFACES;
use crate::failure::Failure;

const NAME: &str = "org.varlink.service";

const DEFINITION: &str = "\
# What every varlink service provides.
interface org.varlink.service

# What the service is, and its interfaces.
method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)

# The definition of an interface.
method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
error PermissionDenied ()
error ExpectedMore ()
";

/// Carries out a method of the service's own; nothing where there is none of that name.
pub(crate) fn dispatch(method: &str, parameters: &Value) -> Option<Result<Value, Failure>> {
    Some(match method {
        "org.varlink.service.GetInfo" => Ok(info()),
        "org.varlink.service.GetInterfaceDescription" => description(parameters),
        _ => return None,
    })
}

fn info() -> Value {
    let ours = INTERFACES.iter().map(|(name, _)| *name);
    let interfaces: Vec<&str> = std::iter::once(NAME).chain(ours).collect();
    json!({
        "vendor": "virt-test",
        "product": "virt-test",
        "version": env!("CARGO_PKG_VERSION"),
        "url": env!("CARGO_PKG_REPOSITORY"),
        "interfaces": interfaces,
    })
}

fn description(parameters: &Value) -> Result<Value, Failure> {
    let Some(wanted) = parameters["interface"].as_str() else {
        return Err(Failure::Parameter(
            "interface".to_owned(),
            "the name of an interface is missing".to_owned(),
        ));
    };
    let ours = INTERFACES.iter().copied();
    let found = std::iter::once((NAME, DEFINITION))
        .chain(ours)
        .find(|(name, _)| *name == wanted);
    match found {
        Some((_, description)) => Ok(json!({ "description": description })),
        None => Err(Failure::Service(
            "InterfaceNotFound",
            "interface",
            wanted.to_owned(),
        )),
    }
}

/// What is said of a method that there is not.
pub(crate) fn unknown(method: &str) -> Failure {
    let interface = method.rsplit_once('.').map_or(method, |(name, _)| name);
    let known = interface == NAME || INTERFACES.iter().any(|(name, _)| *name == interface);
    match known {
        true => Failure::Service("MethodNotFound", "method", method.to_owned()),
        false => Failure::Service("InterfaceNotFound", "interface", interface.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_describes_itself_and_all_its_interfaces() {
        let info = info();
        for interface in info["interfaces"].as_array().unwrap() {
            let described = description(&json!({ "interface": interface })).unwrap();
            let text = described["description"].as_str().unwrap();
            let idl = varlink_parser::IDL::try_from(text).unwrap();
            assert_eq!(idl.name, interface.as_str().unwrap());
        }
    }

    #[test]
    fn what_there_is_not_is_told_from_an_interface_there_is_not() {
        let name = |method| unknown(method).told().0;
        assert_eq!(
            name("org.virt-test.vm.Dream"),
            "org.varlink.service.MethodNotFound"
        );
        assert_eq!(
            name("org.dream.Vm"),
            "org.varlink.service.InterfaceNotFound"
        );
        assert_eq!(name("dream"), "org.varlink.service.InterfaceNotFound");
    }
}
