//! `org.virt-test.network`.

use machine::Netdev;
use serde_json::json;

use crate::call::{Call, number};
use crate::failure::Failure;
use crate::generated::network::*;

impl Call<'_> {
    pub(crate) async fn network_address(&self, it: AddressCall) -> Result<AddressReply, Failure> {
        let nic = match it.nic {
            Some(nic) => nic,
            None => {
                let vm = self.vm(&it.vm)?;
                let mut nics = vm.spec().nics.iter();
                let private = nics.find(|nic| matches!(nic.netdev, Netdev::Private(_)));
                let Some(nic) = private else {
                    let message = format!(
                        "machine \"{}\" has no card on a private network (hint: set nettype = private)",
                        it.vm
                    );
                    return Err(Failure::invalid(message).at(it.vm));
                };
                nic.id.clone()
            }
        };
        let address = self.test.address_of(&it.vm, &nic)?;
        Ok(AddressReply {
            address: address.to_string(),
        })
    }

    pub(crate) async fn network_forwarded_port(
        &self,
        it: ForwardedPortCall,
    ) -> Result<ForwardedPortReply, Failure> {
        let port = it.port.try_into().map_err(|_| {
            Failure::Parameter("port".to_owned(), format!("{} is no TCP port", it.port))
        })?;
        let port = self.vm(&it.vm)?.forwarded_port(port).await?;
        Ok(ForwardedPortReply { port: port.into() })
    }

    pub(crate) async fn network_set_link(&self, it: SetLinkCall) -> Result<SetLinkReply, Failure> {
        let arguments = json!({"name": it.nic, "up": it.up});
        let set = self.vm(&it.vm)?.qmp().execute("set_link", arguments).await;
        set.map_err(|error| Failure::from(error).at(it.vm))?;
        Ok(SetLinkReply {})
    }

    pub(crate) async fn network_info(&self, it: InfoCall) -> Result<InfoReply, Failure> {
        let network = self.test.network(&it.network);
        Ok(InfoReply {
            ports: number(network.ports()),
            capture: self
                .path(&format!("{}.pcap", it.network))
                .display()
                .to_string(),
        })
    }
}
