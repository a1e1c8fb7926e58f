//! Requests to AWS through a proxy, over TLS.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::*;
use crate::certificates::{self, file};

struct TlsListener {
    tcp: tokio::net::TcpListener,
    tls: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (socket, address) = self.tcp.accept().await.unwrap();
            if let Ok(stream) = self.tls.accept(socket).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// Runs a server on a thread of its own; gives its port.
fn on_a_thread<F: Future<Output = ()>>(serve: impl FnOnce(tokio::net::TcpListener) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { serve(tokio::net::TcpListener::from_std(listener).unwrap()).await });
    });
    port
}

impl World {
    /// The same world again, behind TLS with a certificate of the tests' CA; its port.
    fn serve_tls(&self, certificate: &str) -> u16 {
        let config = certificates::server(certificate);
        let answers = Self::answers(Arc::clone(&self.requests), false);
        on_a_thread(async move |tcp| {
            let tls = TlsAcceptor::from(config);
            axum::serve(TlsListener { tcp, tls }, answers).await.unwrap();
        })
    }
}

/// A proxy that tunnels each connection to one port of this machine, whatever host is asked for.
struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(target: u16) -> Self {
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        let port = on_a_thread(async move |listener| {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(tunnel(socket, target, Arc::clone(&seen)));
            }
        });
        Self { port, heads }
    }
}

async fn tunnel(mut client: TcpStream, target: u16, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let tunnels = head.starts_with("CONNECT ");
    seen.lock().unwrap().push(head);
    if !tunnels {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
        return;
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

/// Without credentials in the environment: they come from an agent over http.
fn export(world: &World, more: &[(&str, &str)]) -> Output {
    let agent = format!("{}/credentials", world.url);
    let ca = file("ca.pem");
    let mut environment = vec![
        BUCKET,
        CLUSTER,
        ("KUBECOST_API_ENDPOINT", world.url.as_str()),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &agent),
        ("AWS_REGION", "us-east-1"),
        ("SSL_CERT_FILE", ca.to_str().unwrap()),
        ("PLAN_WAIT_SECONDS", "0"),
        ("RETRIES", "0"),
        (
            "IRSA_PARENT_IAM_ROLE_ARN",
            "arn:aws:iam::444455556666:role/lake-cluster-one",
        ),
    ];
    environment.extend(more);
    exporter(&[], &environment)
}

#[test]
fn requests_to_aws_go_through_the_proxy_and_those_for_credentials_do_not() {
    let world = World::serve(false);
    let proxy = Proxy::to(world.serve_tls("lake.pem"));
    let address = format!("http://me:s3cret-proxy@127.0.0.1:{}", proxy.port);
    let output = export(
        &world,
        &[
            ("AWS_ENDPOINT_URL", "https://aws.lake.test"),
            ("HTTPS_PROXY", &address),
            ("LOG_LEVEL", "trace"),
        ],
    );
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(world.requests("PUT /finops-lake/staging/").len(), 3);
    assert!(!world.requests("POST /").is_empty() && !world.requests("GET /credentials").is_empty());
    let heads = proxy.heads.lock().unwrap();
    assert!(!heads.is_empty());
    for head in heads.iter() {
        assert!(head.starts_with("CONNECT aws.lake.test:443 "), "{head}");
        // me:s3cret-proxy
        assert!(head.contains("Basic bWU6czNjcmV0LXByb3h5"), "{head}");
    }
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn what_no_proxy_lists_is_reached_directly() {
    let world = World::serve(false);
    let tls = world.serve_tls("server.pem");
    let endpoint = format!("https://127.0.0.1:{tls}");
    let proxy = Proxy::to(tls);
    let address = format!("127.0.0.1:{}", proxy.port);
    for (direct, tunnels) in [("127.0.0.0/8", false), ("other.test", true)] {
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("https_proxy", &address),
            ("no_proxy", direct),
        ];
        let output = export(&world, &variables);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(!proxy.heads.lock().unwrap().is_empty(), tunnels, "{direct}");
    }
}

#[test]
fn a_proxy_without_address_is_reported() {
    let world = World::serve(false);
    let output = export(
        &world,
        &[
            ("AWS_ENDPOINT_URL", &world.url),
            ("HTTPS_PROXY", "socks5://me:s3cret@p:1080"),
        ],
    );
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("HTTPS_PROXY is not the address of a proxy") && !said.contains("s3cret"),
        "{said}"
    );
}

/// A proxy that answers each request itself.
fn refusing(answer: &'static str) -> String {
    let port = on_a_thread(async move |listener| {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = client.read(&mut request).await;
            let _ = client.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://127.0.0.1:{port}")
}

#[test]
fn a_proxy_that_answers_for_the_source_is_named() {
    let world = World::serve(false);
    for (answer, source, words) in [
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\ndenied",
            "http://kubecost.test:9090",
            &["403", "denied", "HTTP_PROXY", "list kubecost.test in NO_PROXY"][..],
        ),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
            "http://kubecost.test:9090",
            &["407", "the proxy wants a user and password"],
        ),
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
            "https://kubecost.test",
            &[
                "HTTPS_PROXY",
                "the proxy refused to connect to 'kubecost.test'",
                "NO_PROXY",
            ],
        ),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
            "https://kubecost.test",
            &["HTTPS_PROXY", "the proxy wants a user and password"],
        ),
    ] {
        let proxy = refusing(answer);
        let output = export(
            &world,
            &[
                ("AWS_ENDPOINT_URL", &world.url),
                ("KUBECOST_API_ENDPOINT", source),
                ("HTTP_PROXY", &proxy),
                ("HTTPS_PROXY", &proxy),
            ],
        );
        let line = last_line(&output).to_string();
        assert_eq!(output.status.code(), Some(1), "{line}");
        for words in words.iter().chain([&proxy.as_str()]) {
            assert!(line.contains(words), "'{words}' is not in: {line}");
        }
    }
}
