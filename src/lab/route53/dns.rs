//! The DNS side: UDP and TCP sockets in front of [`answers`](super::answers).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Edns, Header, HeaderCounts, LowerQuery, MessageType, Metadata, OpCode, ResponseCode};
use hickory_server::proto::rr::{Name, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

use super::answers::{Reply, answer};
use super::service::Service;
use super::world::HostedZone;

/// Idle TCP clients are let go after this.
const TCP_PATIENCE: Duration = Duration::from_secs(10);
/// What fits into one UDP answer of ours, in bytes.
const UDP_PAYLOAD: u16 = 1232;

/// Answers questions from a service's world.
#[derive(Clone)]
struct Handler(Arc<Service>);

/// Binds `address` for both protocols and answers there until the server is dropped. Port 0 takes any port
/// that is free for both.
pub async fn listen(
    service: Arc<Service>,
    address: SocketAddr,
) -> io::Result<(Server<impl RequestHandler>, SocketAddr)> {
    let tcp = TcpListener::bind(address).await?;
    let bound = tcp.local_addr()?;
    let udp = UdpSocket::bind(bound).await?;
    let mut server = Server::new(Handler(service));
    server.register_socket(udp);
    server.register_listener(tcp, TCP_PATIENCE, 64);
    Ok((server, bound))
}

impl Handler {
    fn reply(&self, name: &Name, request: &Request) -> Reply {
        let world = self.0.world();
        let zones: Vec<&HostedZone> = world.zones().collect();
        let kind = request.queries.queries().first().map_or(RecordType::ANY, LowerQuery::query_type);
        answer(&zones, name, kind, &mut |below| rand::random_range(0..below.max(1)))
    }

    async fn respond<R: ResponseHandler>(&self, request: &Request, mut out: R) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let reply = match (request.metadata.op_code, request.queries.queries()) {
            (OpCode::Query, [query]) => self.reply(query.original().name(), request),
            (OpCode::Query, _) => refused(ResponseCode::FormErr),
            _ => refused(ResponseCode::NotImp),
        };
        metadata.response_code = reply.code;
        metadata.authoritative = reply.authoritative;
        metadata.recursion_available = false;
        let edns = request.edns.as_ref().map(|_| {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_PAYLOAD).set_version(0);
            edns
        });
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if let Some(edns) = &edns {
            builder.edns(edns);
        }
        let none: [Record; 0] = [];
        let message = builder.build(metadata, reply.answers.iter(), reply.authority.iter(), none.iter(), none.iter());
        if let Ok(info) = out.send_response(message).await {
            return info;
        }
        // The client has gone; the server wants an account of the answer all the same.
        let mut metadata = Metadata::new(request.metadata.id, MessageType::Response, request.metadata.op_code);
        metadata.response_code = ResponseCode::ServFail;
        ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
    }
}

fn refused(code: ResponseCode) -> Reply {
    Reply { code, authoritative: false, answers: Vec::new(), authority: Vec::new() }
}

// Written out, because the macro that the trait was declared with is not among our dependencies.
impl RequestHandler for Handler {
    fn handle_request<'life0, 'life1, 'async_trait, R, T>(
        &'life0 self,
        request: &'life1 Request,
        response_handle: R,
    ) -> Pin<Box<dyn Future<Output = ResponseInfo> + Send + 'async_trait>>
    where
        R: ResponseHandler + 'async_trait,
        T: Time + 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.respond(request, response_handle))
    }
}
