//! The macro with which a service writes its table.

/// Makes of a table of operations the type of each, the service's routes with their document (`routes`) and the rows by
/// path and method (`table`). The name of an operation's type stands first, then its handler, whose first argument is the
/// `Allowed` of that type, or it does not compile, then its row.
///
/// ```ignore
/// operations! { pub(crate) App;
///     CreateReservation = create::create_reservation: Row::anyone().class(Class::Booking).cost(10).waits(),
///     ListReservations = list::list_reservations: Row::of(&[Kind::Staff, Kind::Viewer]).found_by(Place::Body),
/// }
/// ```
#[macro_export]
macro_rules! operations {
    ($visible:vis $state:ty; $($name:ident = $first:ident $(:: $more:ident)* : $row:expr),+ $(,)?) => {
        $(
            #[doc = concat!("The operation of `", stringify!($first $(:: $more)*), "`.")]
            #[derive(Debug)]
            $visible enum $name {}

            impl $crate::access::Operation for $name {
                const ROW: &'static $crate::access::Row = &$row.named(stringify!($name));
            }

            const _: () = {
                fn _handler() {
                    $crate::access::takes_its_own::<$name, _, _>(&$first $(:: $more)*);
                }
            };
        )+

        /// Every route, with its document.
        $visible fn routes() -> utoipa_axum::router::OpenApiRouter<$state> {
            utoipa_axum::router::OpenApiRouter::new()
                $(.routes(utoipa_axum::routes!($first $(:: $more)*)))+
        }

        /// The row of every operation.
        $visible fn table() -> $crate::access::Table {
            let table = $crate::access::Table::default();
            $(
                let routed: utoipa_axum::router::UtoipaMethodRouter<$state> =
                    utoipa_axum::routes!($first $(:: $more)*);
                let table = table.with(&routed.1, <$name as $crate::access::Operation>::ROW);
            )+
            table
        }
    };
}
