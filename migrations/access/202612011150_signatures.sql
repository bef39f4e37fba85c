-- Rows that travel are signed by the access service over all columns that do (platform::access::signed): the key's id and 64 bytes.
-- The columns of this name never had a value. Processes of the former release write rows without, which are not believed by
-- those of this one until the access service starts again.
alter table access.principal drop column signature,
    add column signature text check (signature ~ '^[A-Za-z0-9]{1,16}_[0-9a-f]{128}$');
alter table access.granted drop column signature,
    add column signature text check (signature ~ '^[A-Za-z0-9]{1,16}_[0-9a-f]{128}$');
alter table access.api_key drop column signature,
    add column signature text check (signature ~ '^[A-Za-z0-9]{1,16}_[0-9a-f]{128}$');
alter table access.session add column signature text check (signature ~ '^[A-Za-z0-9]{1,16}_[0-9a-f]{128}$');

-- A row that a process of the former release changes has not the signature of what it was before.
create function access.unsigned() returns trigger language plpgsql as $$ begin
    if new.version <> old.version and new.signature is not distinct from old.signature then
        new.signature := null;
    end if;
    return new;
end $$;
create trigger unsigned before update on access.principal for each row execute function access.unsigned();
create trigger unsigned before update on access.granted for each row execute function access.unsigned();
create trigger unsigned before update on access.api_key for each row execute function access.unsigned();
create trigger unsigned before update on access.session for each row execute function access.unsigned();
