-- 100,000 rows through joins, indexes, windows, full text, JSON, transactions and a vacuum.
pragma journal_mode = wal;
create table item(id integer primary key, kind int, name text, price real, extra blob);
with recursive n(i) as (values(1) union all select i + 1 from n where i < 100000)
insert into item
select i, i % 97, printf('item-%06d', i * 7919 % 100000), i % 1000 / 8.0, zeroblob(i % 200) from n;
create index by_kind on item(kind, price);
create unique index by_name on item(name, id);
select count(*), sum(price), sum(length(extra)) from item;
select kind, count(*), round(avg(price), 6), max(name) from item group by kind order by 2 desc, 1
limit 20;
select a.kind, count(*) from item a join item b on b.id = a.id * 2 where b.price > a.price
group by 1 order by 2, 1 limit 10;
select id, sum(price) over (partition by kind order by id rows 5 preceding) from item
where id % 9973 = 0;
create virtual table words using fts5(body);
insert into words select name || ' ' || kind || ' lorem ipsum ' || id from item where id <= 20000;
select count(*) from words where words match 'lorem AND 42';
select count(*), sum(json_extract(doc, '$.n')) from
  (select json_object('n', id, 'list', json_array(name, kind)) doc from item where id % 3 = 0);
begin;
update item set extra = zeroblob(4000) where id % 40 = 0;
delete from item where id % 5 = 0;
savepoint s;
delete from item;
rollback to s;
commit;
select count(*), sum(length(extra)) from item;
select length(group_concat(name, '')), max(length(hex(extra))) from item;
vacuum;
pragma integrity_check;
